// The codes that a door has read and not dealt with: no answer has come, or one that nobody has seen. They outlive a reload,
// each with the key of its check-in: a guest may be in by an answer that was lost, and the same key has the same answer.

import { ticketOf } from "./door_code.js";
import { newKey } from "./key.js";

const storageKey = "door-codes";
const entriesMax = 200; // but for guests that are in
const admittedMax = 2000;
const keptFor = 12 * 3600_000; // longer than any door is open

// read is done anew each time, because another tab of this browser may have written.
function read() {
  let entries;
  try {
    entries = JSON.parse(localStorage.getItem(storageKey) ?? "[]");
  } catch {
    return []; // it is not ours
  }
  return entries.filter(({ at }) => Date.now() - at < keptFor);
}

const write = (entries) => localStorage.setItem(storageKey, JSON.stringify(entries));

export const waiting = () => read();

// take returns the entry of a code, a new one with what the door says of itself unless there is one, or null: there is no
// room for more. Answers that nobody has looked at make room first.
export function take(code, body) {
  const entries = read();
  const found = entries.find((entry) => entry.code === code);
  if (found) return found;
  const others = entries.filter(({ admittedAt }) => !admittedAt);
  if (others.length >= entriesMax) {
    const oldest = others.find(({ answer }) => answer);
    if (!oldest) return null;
    entries.splice(entries.indexOf(oldest), 1);
  }
  const entry = { code, key: newKey(), body, at: Date.now() };
  write([...entries, entry]);
  return entry;
}

// admitted returns the entry by which the ticket of a code was let in before there was an answer. It goes by the ticket, of which
// there may be another code.
export function admitted(code) {
  const ticket = ticketOf(code);
  return read().find((entry) => entry.admittedAt && (entry.code === code || (ticket !== null && entry.ticket === ticket)));
}

// admit keeps that a guest was let in before there was an answer, unless there are too many of them. The office has still to
// hear of it, whatever it has answered before.
export function admit(entry) {
  const entries = read().filter(({ code }) => code !== entry.code);
  if (entries.filter(({ admittedAt }) => admittedAt).length >= admittedMax) return false;
  write([...entries, { ...entry, answer: undefined, ticket: ticketOf(entry.code), admittedAt: Date.now() }]);
  return true;
}

// answered keeps an answer until somebody has seen it.
export function answered(code, answer) {
  write(read().map((entry) => (entry.code === code ? { ...entry, answer } : entry)));
}

export function drop(code) {
  write(read().filter((entry) => entry.code !== code));
}
