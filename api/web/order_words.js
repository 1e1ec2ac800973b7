// The state of an order in words.

import { money } from "./format.js";
import { hasText, text } from "./i18n.js";

export const isOpen = (order) => order.status === "reserved" || order.status === "pending_payment";

export const statusOf = (order) => text(`status.${order.status}`, { count: order.quantity });

// reasonOf says why an order was cancelled, and what becomes of money that the buyer pays now: a screening may take a late payment,
// as long as there are tickets.
export function reasonOf(order, screening) {
  if (!order.cancel_reason) return "";
  const mayStillPay = order.cancel_reason === "unpaid" && screening?.late_payment === "revive";
  const key = `reason.${mayStillPay ? "unpaid_revive" : order.cancel_reason}`;
  return hasText(key) ? text(key) : order.cancel_reason;
}

// refundsOf says, a line for each refund, where its money is. It begins with the reason, unless that is why the order was cancelled,
// which reasonOf says.
export const refundsOf = (refunds) => refunds.map(({ state, amount, reason }) => {
  const reasonKey = `refundreason.${reason}`;
  const why = hasText(reasonKey) ? text(reasonKey) : "";
  return why + text(`refund.${state}`, { amount: money(amount) });
}).join("\n");
