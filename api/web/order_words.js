// The state of an order in words.

import { money } from "./format.js";
import { hasText, text } from "./i18n.js";

export const isOpen = (order) => order.status === "reserved" || order.status === "pending_payment";

export const statusOf = (order) => text(`status.${order.status}`, { count: order.quantity });

// reasonOf says why an order is cancelled, and what that means for the buyer's money: some screenings take a payment that
// comes late, as long as there are tickets.
export function reasonOf(order, screening) {
  if (!order.cancel_reason) return "";
  const revives = order.cancel_reason === "unpaid" && screening?.late_payment === "revive";
  const key = `reason.${revives ? "unpaid_revive" : order.cancel_reason}`;
  return hasText(key) ? text(key) : order.cancel_reason;
}

// refundsOf says where money is that goes back, and why some of it does although the order is as it was.
export const refundsOf = (list) => list.map(({ state, amount, reason }) => {
  const why = hasText(`refundwhy.${reason}`) ? text(`refundwhy.${reason}`) : "";
  return why + text(`refund.${state}`, { amount: money(amount) });
}).join("\n");
