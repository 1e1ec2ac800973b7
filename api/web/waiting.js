// The order that waits for its payment, told above every other page, so that nobody loses tickets by looking around. It is
// kept in localStorage, and costs the server nothing.

import { everyTick, isPast, secondsUntil } from "./clock.js";
import { setText } from "./dom.js";
import { countdown } from "./format.js";
import { text } from "./i18n.js";
import { known } from "./known.js";
import { isOpen } from "./order_words.js";
import { session } from "./session.js";

const keptMax = 20;
const storageKey = () => `waiting:${session.buyer}`;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(storageKey())) || [];
  } catch {
    return [];
  }
}

// noteWaiting keeps an order that can be paid, and forgets one that cannot any more.
export function noteWaiting(order) {
  const before = kept();
  const others = before.filter(({ id, expires_at }) => id !== order.id && !isPast(expires_at));
  const { id, screening_id, expires_at } = order;
  const movie = known(screening_id)?.movie ?? before.find((earlier) => earlier.id === id)?.movie; // unknown after a reload
  const now = isOpen(order) ? [...others, { id, screening_id, expires_at, movie }].slice(-keptMax) : others;
  const written = JSON.stringify(now);
  if (written !== localStorage.getItem(storageKey())) localStorage.setItem(storageKey(), written);
}

// showWaiting keeps a link to the order that must be paid first, unless that is what one looks at.
export function showWaiting(link) {
  everyTick(() => {
    const open = session.signedIn ? kept().filter(({ expires_at }) => !isPast(expires_at)) : [];
    const [first] = open.sort((a, b) => Date.parse(a.expires_at) - Date.parse(b.expires_at));
    link.hidden = !first || location.pathname.startsWith("/o/") || location.pathname === "/orders";
    if (link.hidden) return;
    link.href = `/o/${encodeURIComponent(first.id)}`;
    const time = countdown(secondsUntil(first.expires_at));
    setText(link, text("waiting.pay", { time, what: known(first.screening_id)?.movie || first.movie || text("order.title") }));
  });
}
