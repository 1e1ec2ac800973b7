// The calls of a door. Each gives the token that it is made with, since a buyer and staff may share a browser; an empty one
// leaves it to the browser's cookie to say who calls.

import { call, demoToken, screeningPath } from "./calls.js";

const pagesMax = 500;
const pastEnd = "past-screenings"; // key of a cursor

export const counts = (token, id) => call("GET", `${screeningPath(id)}/checkins`, { token });
export const staffToken = (user) => demoToken(user, "staff");

// checkIn sends a code. key is the same in all tries, so that an answer that was lost is not taken for a used ticket.
export const checkIn = (token, key, body) => call("POST", "/v1/checkins", { token, body, headers: { "Idempotency-Key": key } });

// screenings returns those that begin from a time on, whether their sale is over or not, by their start. The lists begin
// with the oldest, so where the past ends in that of closed sales is remembered: only the first visit walks through it.
export async function screenings(from) {
  const found = new Map();
  const add = (items) => { for (const item of items) if (Date.parse(item.starts_at) >= from) found.set(item.id, item); };
  await walk("closed=true", localStorage.getItem(pastEnd) || "", (items, next) => {
    add(items);
    if (next && items.every((item) => Date.parse(item.starts_at) < from)) localStorage.setItem(pastEnd, next);
  });
  await walk("closed=false", "", add);
  return [...found.values()].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
}

// walk passes each page of a list of screenings to each, from a cursor on.
async function walk(list, cursor, each) {
  for (let page = 0; page < pagesMax; page++) {
    const answer = await call("GET", `/v1/screenings?limit=100&${list}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { signed: false });
    each(answer.items, answer.next_cursor);
    if (!answer.next_cursor) return;
    cursor = answer.next_cursor;
  }
}
