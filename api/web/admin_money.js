// The view #/money: where all money is, the refunds that are under way, the payments that wait for their order, and those that
// came with the id of another one.

import { askFor } from "./admin_ask.js";
import { get, list, pathOf, post } from "./admin_calls.js";
import { separated } from "./admin_money_words.js";
import { badge, button, choice, exactTime, facts, field, heading, link, loaded, nothing, row, rows, section } from "./admin_parts.js";
import { refundRow } from "./admin_records.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";

const pollWait = 5000;
const gently = (took) => Math.max(pollWait, 20 * took); // a ledger is added up of everything each time
const states = ["due", "sent", "failed", "needs_attention", "done", "settled"];
const sums = ["received", "applied", "refunded", "returning", "parked", "unclear", "needs_attention"];

export function moneyView(root) {
  const ledger = loaded(async () => ledgerOf(await get("/v1/admin/ledger")), gently);
  const state = choice([["", text("admin.not_back")], ...states.map((name) => [name, text(`refundstate.${name}`)])]);
  const refunds = paged("/v1/admin/refunds", () => ({ state: state.value }), (refund, acted) => refundRow(refund, acted), text("admin.no_refunds"), () => all());
  const parked = paged("/v1/admin/payments/parked", () => ({}), parkedRow, text("admin.no_parked"), () => all());
  const reused = paged("/v1/admin/payments/reused", () => ({}), reusedRow, text("admin.no_reused"), () => all());
  const all = () => [ledger, refunds, parked, reused].forEach((part) => part.reload());
  state.addEventListener("change", () => refunds.reload());
  root.append(heading(text("admin.money"), button(text("admin.refresh"), all)), ledger.root,
    section(text("admin.refunds"), field("refund-state", text("find.state"), state), refunds.root), section(text("admin.parked"), parked.root),
    section(text("admin.reused"), reused.root));
  return { stop: () => [ledger, refunds, parked, reused].forEach((part) => part.stop()) };
}

// paged is a list of records that grows by a button, and is read anew after an act and as time goes by.
function paged(path, values, make, empty, acted) {
  let pages = 1;
  const part = loaded(async () => {
    const { items, next } = await list(path, values(), pages);
    const more = next ? [button(text("more"), () => { pages++; part.reload(); }, "quiet wide")] : [];
    return [rows(items, (item) => make(item, acted), empty), ...more];
  }, pollWait);
  return part;
}

function ledgerOf({ currencies, balanced }) {
  const verdict = badge(text(balanced ? "admin.balanced" : "admin.unbalanced"), balanced ? "good" : "bad");
  if (currencies.length === 0) return [verdict, nothing(text("admin.no_money"))];
  return [verdict, ...currencies.map((line) => {
    const known = sums.map((name) => [text(`ledger.${name}`), separated(line[name], line.currency)]);
    return element("section", { class: "ledger", "data-currency": line.currency },
      element("div", { class: "row-head" }, element("h2", {}, line.currency), line.balanced ? "" : badge(text("admin.unbalanced"), "bad")),
      facts([...known, [text("ledger.paid_orders"), separated(line.paid_orders, line.currency)]], "figures-grid"),
      stockOf(line.stock, line.currency));
  })];
}

// stockOf is stock's books beside the money of a currency.
function stockOf(stock, currency) {
  const verdict = badge(text(stock.agrees ? "ledger.stock_agrees" : "ledger.stock_disagrees"), stock.agrees ? "good" : "bad");
  return element("div", { class: "ledger-stock" },
    element("div", { class: "row-head" }, element("h3", {}, text("ledger.stock")), verdict),
    facts([[text("ledger.tickets_sold"), String(stock.tickets_sold)], [text("ledger.tickets_reserved"), String(stock.tickets_reserved)],
      [text("ledger.tickets_released"), String(stock.tickets_released)], [text("ledger.sold"), separated(stock.sold, currency)],
      [text("ledger.reserved"), separated(stock.reserved, currency)], [text("ledger.on_its_way"), separated(stock.on_its_way, currency)]],
    "figures-grid"));
}

function parkedRow(payment, acted) {
  const amount = separated(payment.amount.amount, payment.amount.currency);
  return row({
    title: amount, state: badge(text("money.parked"), "wait"),
    known: [[text("find.id"), link(`#/orders/${encodeURIComponent(payment.order_id)}`, payment.order_id)],
      [text("find.payment"), element("code", {}, payment.payment_id)], [text("admin.since"), exactTime(payment.since)]],
    actions: [button(text("admin.refund_parked"), () => askFor({
      draft: `parked:${payment.payment_id}`, title: text("admin.refund_parked"), words: `${amount}. ${text("admin.refund_parked_words")}`,
      act: ({ note }) => post(`/v1/admin/payments/parked/${pathOf(payment.payment_id)}/refund`, { note }), done: acted,
    }))],
  });
}

// reusedRow is a payment that came with the id of another one. What became of its money only the provider knows.
function reusedRow({ payment_id, provider, order_id, amount: money, since }, acted) {
  const amount = separated(money.amount, money.currency);
  return row({
    title: amount, state: badge(text("money.id_reused"), "bad"),
    known: [[text("find.id"), link(`#/orders/${encodeURIComponent(order_id)}`, order_id)],
      [text("find.payment"), element("code", {}, payment_id)], [text("admin.provider"), provider], [text("admin.since"), exactTime(since)]],
    actions: [button(text("admin.refund_settle"), () => askFor({
      draft: `reused:${payment_id}:${order_id}`, title: text("admin.refund_settle"), words: `${amount}. ${text("admin.reused_words")}`,
      act: ({ note }) => post(`/v1/admin/payments/reused/${pathOf(payment_id)}/settle`, { order_id, amount: money, note }), done: acted,
    }))],
  });
}
