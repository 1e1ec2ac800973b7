// A ticket as a picture: a card as a wallet has it, to be kept among a phone's pictures and shown where there is no network. It
// is drawn by the browser, which has the fonts of every language.

import { longTime } from "./format.js";
import { text } from "./i18n.js";

const width = 900, margin = 60, side = 640; // of the code: a whole number of its pixels
const sans = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif';
const fonts = {
  title: { font: `700 58px ${sans}`, step: 70, most: 3 },
  when: { font: `600 36px ${sans}`, step: 52, most: 2 },
  venue: { font: `400 34px ${sans}`, step: 46, most: 2 },
  number: { font: `650 44px ${sans}`, step: 62, most: 1 },
  hint: { font: `400 28px ${sans}`, step: 40, most: 3 },
  code: { font: "400 20px ui-monospace, monospace", step: 28, most: 12 },
};

// What stays on one line: a word, or a Chinese character with the marks that may not begin a line.
const unbroken = /\s+|\p{Ideographic}[^\s\p{L}\p{N}]*|[^\s\p{Ideographic}]+/gu;

// lines breaks words into lines that fit, within a word only where it has to, and cuts what is too much.
function lines(pen, words, { font, most }, room) {
  pen.font = font;
  const made = [""];
  for (const part of words.match(unbroken) ?? []) {
    for (const piece of pen.measureText(part).width > room ? [...part] : [part]) {
      if (made.at(-1) !== "" && pen.measureText(made.at(-1) + piece).width > room) made.push("");
      if (made.at(-1) !== "" || piece.trim() !== "") made[made.length - 1] += piece;
    }
  }
  if (made.length <= most) return made;
  let last = made[most - 1];
  while (pen.measureText(`${last}\u2026`).width > room) last = [...last].slice(0, -1).join("");
  return [...made.slice(0, most - 1), `${last}\u2026`];
}

// cardOf draws a ticket's card, and gives it as a PNG. image is the element that shows the ticket's code, hue the color of its head.
export async function cardOf({ number, of, code }, { movie, starts_at: at, venue }, image, hue) {
  await image.decode();
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const room = width - 2 * margin;
  const head = [[movie, fonts.title], [longTime(at), fonts.when], [venue, fonts.venue]].map(([words, style]) => [lines(pen, words, style, room), style]);
  const foot = [[text("ticket.number", { number, of }), fonts.number], [text("ticket.show"), fonts.hint], [code, fonts.code]]
    .map(([words, style]) => [lines(pen, words, style, room), style]);
  const high = (blocks) => blocks.reduce((sum, [made, { step }]) => sum + made.length * step, 0);
  const headHeight = high(head) + 2 * margin;
  canvas.width = width;
  canvas.height = headHeight + side + high(foot) + 3 * margin;
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = `hsl(${hue} 55% 28%)`;
  pen.fillRect(0, 0, width, headHeight);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, (width - side) / 2, headHeight + margin, side, side);
  pen.textBaseline = "middle";
  const write = (blocks, color, align, x, top) => {
    pen.fillStyle = color;
    pen.textAlign = align;
    let y = top;
    for (const [made, { font, step }] of blocks) {
      pen.font = font;
      for (const line of made) pen.fillText(line, x, (y += step) - step / 2);
    }
  };
  write(head, "#fff", "left", margin, margin);
  write(foot, "#1b191e", "center", width / 2, headHeight + side + 2 * margin);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
