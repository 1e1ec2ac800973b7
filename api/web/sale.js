// The sale of a screening in words: whether it is open, and what is left.

import { isPast, secondsUntil } from "./clock.js";
import { countdown } from "./format.js";
import { text } from "./i18n.js";

const fewLeft = 10;

export function stateOf(screening) {
  if (screening.cancelled) return "cancelled";
  if (isPast(screening.sale_closes_at)) return "closed";
  if (!isPast(screening.sale_opens_at)) return "early";
  if (screening.paused) return "paused";
  return screening.available === 0 ? "sold-out" : "open";
}

// noteOf tells what a buyer wants to know of a state, in a few words.
export function noteOf(screening) {
  const count = screening.available;
  switch (stateOf(screening)) {
    case "cancelled": return text("sale.cancelled");
    case "closed": return text("sale.closed");
    case "early": return text("sale.opens_in", { time: countdown(secondsUntil(screening.sale_opens_at)) });
    case "paused": return text("sale.paused");
    case "sold-out": return text("sale.sold_out");
    default: return count <= fewLeft ? text("sale.only_left", { count }) : text("sale.left", { count });
  }
}

export const isScarce = (screening) => stateOf(screening) === "open" && screening.available <= fewLeft;
