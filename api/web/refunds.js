// Where the money of an order is that goes back, asked for while the order's page is open: an order that has ended may
// still get one.

import { orderRefunds } from "./calls.js";
import { repeat } from "./live.js";
import { isOpen } from "./order_words.js";

const openWait = 5000;
const calmWait = 20_000;
const isSettled = ({ state }) => state === "done" || state === "settled";

// followRefunds calls show with an order's refunds, while what order returns has ended. It returns {wake, stop}.
export function followRefunds(id, order, show) {
  return repeat(async () => {
    const now = order();
    if (!now || isOpen(now)) return openWait;
    const { items } = await orderRefunds(id);
    show(items);
    return items.every(isSettled) ? calmWait : openWait;
  });
}
