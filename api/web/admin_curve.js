// How a sale goes, as a curve: the tickets that were reserved and paid until each moment.

import { exactTime } from "./admin_parts.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { text } from "./i18n.js";

const width = 600, height = 180, margin = 4; // the drawing is stretched to the page; words stand outside of it
const bucketsMax = 240;
const steps = [10, 60, 300, 900, 3600, 21600, 86400, 604800]; // seconds

// stepFor chooses the length of a bucket for a span of milliseconds.
export const stepFor = (span) => steps.find((seconds) => span / 1000 / seconds <= bucketsMax) ?? steps.at(-1);

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// running adds buckets up: how many tickets until the end of each.
function running(buckets, kind) {
  let sum = 0;
  return buckets.map((bucket) => (sum += bucket[kind].tickets));
}

// curve draws the buckets of a sale; the numbers stand beside it in words.
export function curve(buckets) {
  const reserved = running(buckets, "reserved"), paid = running(buckets, "paid");
  if (!reserved.at(-1) && !paid.at(-1)) return element("p", { class: "muted" }, text("admin.no_sales"));
  const most = Math.max(1, reserved.at(-1), paid.at(-1));
  const x = (place) => (buckets.length === 1 ? width : (place / (buckets.length - 1)) * width);
  const y = (tickets) => height - margin - (tickets / most) * (height - 2 * margin);
  const path = (sums) => `M0,${y(0)} ` + sums.map((sum, place) => `L${x(place).toFixed(1)},${y(sum).toFixed(1)}`).join(" ");
  const words = text("admin.curve", { reserved: reserved.at(-1), paid: paid.at(-1), from: exactTime(buckets[0].at), to: exactTime(buckets.at(-1).at) });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": words, class: "curve" },
    svg("line", { x1: 0, x2: width, y1: y(0), y2: y(0), class: "curve-axis" }),
    svg("line", { x1: 0, x2: width, y1: y(most), y2: y(most), class: "curve-axis" }),
    svg("path", { d: path(reserved), class: "curve-reserved" }), svg("path", { d: path(paid), class: "curve-paid" }));
  return element("figure", { class: "sales" }, element("div", { class: "curve-times" }, number(most)), drawing,
    element("div", { class: "curve-times" }, element("span", {}, exactTime(buckets[0].at)), element("span", {}, exactTime(buckets.at(-1).at))),
    element("figcaption", {}, element("span", { class: "key reserved" }, text("admin.curve_reserved", { count: reserved.at(-1) })),
      element("span", { class: "key paid" }, text("admin.curve_paid", { count: paid.at(-1) }))));
}
