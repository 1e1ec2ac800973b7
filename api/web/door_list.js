// What a door can say by itself while the office does not answer: whether the office has signed a code, and how its ticket
// stood when the list of the screening's tickets was loaded. What other doors have done since then it does not know.

import { CallError, call, screeningPath } from "./calls.js";
import { bytesOf, read, ticketOf } from "./door_code.js";

const pagesMax = 200; // of a hundred tickets
const toldMax = 100 * pagesMax;
const algorithm = { name: "Ed25519" };

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

const told = new Map(); // by ticket id, what the office has said: the list may be older

// learn notes what the office has said of the ticket of a code, which is used or void for good from then on.
export function learn(code, state, usedAt) {
  if (told.size >= toldMax) told.delete(told.keys().next().value);
  told.set(ticketOf(code), { state, used_at: usedAt });
}

const refused = (code, problem = {}) => ({ refused: { code, problem } });

// judge returns the ticket of a code that may come in, or what it is refused for, or null: the list does not know it, since it
// was sold later.
export async function judge(code) {
  const { signed, signature, seat } = read(code) ?? {};
  if (!signed) return refused("ticket_invalid");
  if (list === null) return null; // whoever was signed in has left meanwhile
  const { verifying, screeningID, tickets } = list;
  const good = await Promise.all(verifying.map((key) => crypto.subtle.verify(algorithm, key, signature, signed)));
  if (!good.includes(true)) return refused("ticket_invalid");
  if (!seat) return null;
  if (seat.screeningID !== screeningID) return refused("wrong_screening");
  const listed = tickets.get(seat.ticketID);
  const ticket = listed && listed.state !== "valid" ? listed : told.get(seat.ticketID) ?? listed;
  if (!ticket) return null;
  if (ticket.state === "valid") return { ticket };
  return refused(`ticket_${ticket.state}`, ticket.state === "used" ? { used_at: ticket.used_at } : {});
}
