// The calls of a door. Each gives the token that it is made with, since a buyer and staff may share a browser; an empty one
// leaves it to the browser's cookie to say who calls.

import { call, demoToken, screeningPath, screenings as listed } from "./calls.js";

const pagesMax = 500;

export const counts = (token, id) => call("GET", `${screeningPath(id)}/checkins`, { token });
// whoIs returns what a token, or without one the cookie, is worth.
export const whoIs = (token) => call("GET", "/v1/me", { token });
export const staffToken = (user) => demoToken(user, "staff");

// checkIn sends a code. key is the same in all tries, so that an answer that was lost is not taken for a used ticket.
export const checkIn = (token, key, body, wait) => call("POST", "/v1/checkins", { token, body, wait, headers: { "Idempotency-Key": key } });

// screenings returns those that begin from a time on, whether their sale is over or not, by their start. Of closed sales the
// latest comes first, so what is past is read no further.
export async function screenings(from) {
  const isComing = (item) => Date.parse(item.starts_at) >= from;
  const open = await listed(pagesMax, false); // before the closed ones: a sale that ends meanwhile is in one list at least
  const closed = await listed(pagesMax, true, (items) => items.every(isComing));
  const found = new Map([...open.items, ...closed.items].filter(isComing).map((item) => [item.id, item]));
  return [...found.values()].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
}
