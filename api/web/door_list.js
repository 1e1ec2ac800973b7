// What a door can say by itself while the office does not answer: whether the office has signed a code, and how its ticket
// stood when the list of the screening's tickets was loaded. What other doors have done since then it does not know.

import { CallError, call, screeningPath } from "./calls.js";

const pagesMax = 200; // of a hundred tickets
const version = 1; // of what is signed
const signatureBytes = 64;
const idBytes = 16;
const algorithm = { name: "Ed25519" };
const letters = "0123456789abcdefghijklmnopqrstuv"; // of base32hex

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

function base32(bytes) {
  let text = "";
  let bits = 0;
  let value = 0;
  const take = (shift) => { text += letters[(value >> shift) & 31]; };
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) take(bits - 5);
  }
  if (bits > 0) {
    value <<= 5 - bits;
    take(0);
  }
  return text;
}

// readSeat reads what was signed: a version, the seat's number as LEB128, and the ids of order and screening.
function readSeat(bytes) {
  let at = 1;
  let number = 0;
  for (let shift = 0; ; shift += 7) {
    number |= (bytes[at] & 127) << shift;
    if (bytes[at++] < 128) break;
  }
  const id = () => {
    const size = bytes[at++];
    const end = at + (size || idBytes);
    const raw = bytes.subarray(at, end);
    at = end;
    return size ? new TextDecoder().decode(raw) : base32(raw);
  };
  return { number, ticketID: `${id()}-${number}`, screeningID: id() };
}

async function load(token, screeningID) {
  const { keys } = await call("GET", "/v1/tickets/key", { signed: false });
  const verifying = await Promise.all(keys.map(({ x }) => crypto.subtle.importKey("raw", bytesOf(x), algorithm, false, ["verify"])));
  const tickets = new Map();
  for (let cursor = "", page = 0; page < pagesMax; page++) {
    const answer = await call("GET", `${screeningPath(screeningID)}/tickets?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { token });
    for (const ticket of answer.items) tickets.set(ticket.id, ticket);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { screeningID, verifying, tickets, at: Date.now() };
}

let list = null;
let wanted = ""; // the screening that it is to be of

// listOf returns when the list of a screening was loaded and how many tickets it has, or null without one.
export const listOf = (screeningID) => (list !== null && list.screeningID === screeningID ? { at: list.at, count: list.tickets.size } : null);

// keepList loads the list of a screening, or forgets it when there is none to be kept. While it cannot be loaded the last one
// of the screening stays. It fails where a browser cannot verify signatures.
export async function keepList(token, screeningID) {
  wanted = screeningID;
  if (listOf(screeningID) === null) list = null;
  if (screeningID === "") return;
  try {
    const loaded = await load(token, screeningID);
    if (wanted === screeningID) list = loaded;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
  }
}

const refused = (code, problem = {}) => ({ refused: { code, problem } });

// judge returns the ticket of a code that may come in, or what it is refused for, or null: the list does not know it, since it
// was sold later.
export async function judge(code) {
  let bytes;
  try {
    bytes = bytesOf(code);
  } catch {
    return refused("ticket_invalid");
  }
  const signed = bytes.subarray(0, Math.max(0, bytes.length - signatureBytes));
  const signature = bytes.subarray(signed.length);
  const good = await Promise.all(list.verifying.map((key) => crypto.subtle.verify(algorithm, key, signature, signed)));
  if (!good.includes(true)) return refused("ticket_invalid");
  if (signed[0] !== version) return null;
  const { ticketID, screeningID } = readSeat(signed);
  if (screeningID !== list.screeningID) return refused("wrong_screening");
  const ticket = list.tickets.get(ticketID);
  if (!ticket) return null;
  if (ticket.state === "valid") return { ticket };
  return refused(`ticket_${ticket.state}`, ticket.state === "used" ? { used_at: ticket.used_at } : {});
}
