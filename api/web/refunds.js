// Where the money of an order is that goes back, asked for while the order's page is open: an order that has ended may
// still get one.

import { orderRefunds } from "./calls.js";
import { repeat } from "./live.js";
import { isOpen } from "./order_words.js";

const openWait = 5000;
const soonWait = 2000; // just after a paid order was cancelled: its money is about to be sent back
const soonFor = 30_000;
const calmWait = 20_000;
const isSettled = ({ state }) => state === "done" || state === "settled";

// followRefunds calls show with an order's refunds, while what order returns has ended. It returns {wake, stop}.
export function followRefunds(id, order, show) {
  let status;
  let cancelledAt = -Infinity;
  return repeat(async () => {
    const now = order();
    if (status === "paid" && now?.status === "cancelled") cancelledAt = performance.now();
    status = now?.status;
    if (!now || isOpen(now)) return openWait;
    const { items } = await orderRefunds(id);
    show(items);
    if (performance.now() - cancelledAt < soonFor) return soonWait;
    return items.every(isSettled) ? calmWait : openWait;
  });
}
