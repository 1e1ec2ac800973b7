// The calls of a door. Each gives the token that it is made with, since a buyer and staff may share a browser; an empty one
// leaves it to the browser's cookie to say who calls.

import { call, demoToken, screeningPath } from "./calls.js";

const pagesMax = 500;

export const counts = (token, id) => call("GET", `${screeningPath(id)}/checkins`, { token });
export const staffToken = (user) => demoToken(user, "staff");

// checkIn sends a code. key is the same in all tries, so that an answer that was lost is not taken for a used ticket.
export const checkIn = (token, key, body, wait) => call("POST", "/v1/checkins", { token, body, wait, headers: { "Idempotency-Key": key } });

// screenings returns those that begin from a time on, whether their sale is over or not, by their start. Of closed sales the
// latest comes first, so what is past is read no further.
export async function screenings(from) {
  const found = new Map();
  const isComing = (item) => Date.parse(item.starts_at) >= from;
  const add = (items) => { for (const item of items) if (isComing(item)) found.set(item.id, item); };
  await walk("closed=true", (items) => { add(items); return items.every(isComing); });
  await walk("closed=false", (items) => { add(items); return true; });
  return [...found.values()].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
}

// walk passes the pages of a list of screenings to each, as long as that wants more.
async function walk(list, each) {
  for (let page = 0, cursor = ""; page < pagesMax; page++) {
    const answer = await call("GET", `/v1/screenings?limit=100&${list}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { signed: false });
    if (!each(answer.items) || !answer.next_cursor) return;
    cursor = answer.next_cursor;
  }
}
