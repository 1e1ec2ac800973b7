// The view #/orders/ID: all that is known of one order, what happened to it, and what can be done with it.

import { askFor } from "./admin_ask.js";
import { get, pathOf, post } from "./admin_calls.js";
import { amountWords, separated, toMajor, toMinor } from "./admin_money_words.js";
import { stateBadge } from "./admin_orders.js";
import { badge, button, exactTime, facts, heading, link, loaded, nothing, person, row, rows, section, sentences, wordOf } from "./admin_parts.js";
import { actRow, mailRow, refundRow } from "./admin_records.js";
import { screeningLink } from "./admin_titles.js";
import { CallError } from "./calls.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { text } from "./i18n.js";

const pollWait = 5000;
const amountOf = ({ amount, currency }) => separated(amount, currency);

export function orderView(root, [id]) {
  const path = `/v1/admin/orders/${pathOf(id)}`;
  document.title = `${id} - ${text("admin.name")}`;
  const acted = () => { found.reload(); happened.reload(); };
  const found = loaded(async () => partsOf(await get(path), path, acted), pollWait);
  const happened = loaded(async () => [timeline(await get(`${path}/timeline`))]);
  root.append(link("#/orders", text("admin.to_orders")), heading(element("span", {}, text("admin.order"), " ", element("code", {}, id))), found.root,
    section(text("admin.timeline"), happened.root, button(text("admin.refresh"), () => happened.reload())));
  return { stop: () => { found.stop(); happened.stop(); } };
}

function partsOf(dossier, path, acted) {
  const { order, payments, refunds, acts, attempts, notifications } = dossier;
  document.getElementById("main").dataset.status = order?.status ?? "none";
  return [
    order ? element("div", { class: "row-head" }, stateBadge(order), actionsOf(dossier, path, acted)) : nothing(text("admin.only_money")),
    order ? factsOf(order) : element("div", {}),
    dossier.archive_file ? facts([[text("admin.archive_file"), dossier.archive_file]]) : element("div", {}),
    ...filled(text("admin.payments"), payments, (payment) => paymentRow(payment, refunds)), ...filled(text("admin.refunds"), refunds, (refund) => refundRow(refund, acted)),
    ...filled(text("admin.attempts"), attempts, attemptRow), ...filled(text("admin.mails"), notifications, (mail) => mailRow(mail, acted)),
    dossier.mail_away ? nothing(text("admin.mail_away")) : element("div", {}),
    dossier.tickets_away ? nothing(text("admin.tickets_away")) : element("div", {}), ...filled(text("admin.acts"), acts, actRow), section(text("admin.records"), recordsOf(dossier)),
  ];
}

const filled = (title, items, make) => (items.length > 0 ? [section(title, rows(items, make, ""))] : []);

const factsOf = (order) => facts([
  [text("find.buyer"), link(`#/orders?buyer=${encodeURIComponent(order.buyer_id)}`, person(order.buyer_id))],
  [text("find.screening"), screeningLink(order.screening_id)],
  [text("admin.tickets"), number(order.quantity)], [text("field.amount"), amountOf(order.amount)], [text("admin.bought"), exactTime(order.created_at)],
  [text("admin.due"), order.status === "pending_payment" || order.status === "reserved" ? exactTime(order.expires_at) : null],
  [text("admin.settled"), exactTime(order.settled_at)],
]);

// actionsOf are what can be done with a paid order: cancel it, or send a part of its money back.
function actionsOf({ order, payments }, path, acted) {
  if (order.status !== "paid") return element("div", {});
  const cancel = button(text("admin.cancel_order"), () => askFor({
    draft: `cancel:${order.id}`, title: text("admin.cancel_order"), words: text("admin.cancel_order_words", { amount: amountOf(order.amount) }),
    act: ({ note }) => post(`${path}/cancel`, { note }), done: acted,
  }), "quiet danger");
  cancel.id = "cancel-order";
  const refund = button(text("admin.refund_part"), () => {
    const { currency } = order.amount;
    const paid = payments.find(({ result }) => result === "applied");
    const left = (paid?.amount.amount ?? order.amount.amount) - (paid?.refunded ?? 0);
    const input = element("input", { type: "text", required: true, inputmode: "decimal", maxlength: 16, autocomplete: "off" });
    askFor({
      draft: `refund:${order.id}`, title: text("admin.refund_part"), fields: [{ id: "amount", label: `${text("field.amount")} (${currency})`, input,
        hint: text("admin.refund_left", { amount: toMajor({ amount: left, currency }) }) }],
      async act({ amount, note, key }) { // which is the same in all tries, so that a lost answer is not a second refund
        const minor = toMinor(amount, currency);
        if (minor === null) throw new CallError(422, { code: "invalid_request", detail: amountWords(currency) });
        return post(`${path}/refunds`, { amount: minor, note }, { "Idempotency-Key": key });
      },
      done: acted,
    });
  });
  refund.id = "refund-part";
  return element("div", { class: "actions" }, refund, cancel);
}

// resultOf is what became of a payment: of one that is to go back, whether it is there by now. Nobody should send it again.
function resultOf({ result, payment_id: id }, refunds) {
  const back = refunds.filter(({ payment_id: of }) => of === id);
  return result === "refund_due" && back.length > 0 && back.every(({ state }) => state === "done" || state === "settled") ? "refunded" : result;
}

const paymentRow = (payment, refunds, result = resultOf(payment, refunds)) => row({
  title: amountOf(payment.amount),
  state: badge(result === "refunded" ? text("admin.money_back") : wordOf(`money.${result}`, result), { applied: "good", refunded: "good", mismatch: "bad" }[result] ?? "wait"),
  known: [
    [text("admin.provider"), payment.provider && wordOf(`provider.${payment.provider}`, payment.provider)], [text("admin.received_at"), exactTime(payment.received_at)],
    [text("admin.refunded"), payment.refunded > 0 ? separated(payment.refunded, payment.amount.currency) : null],
    [text("find.payment"), element("code", {}, payment.payment_id)], [text("admin.delivery"), payment.delivery],
  ],
});

const attemptRow = (attempt) => row({
  title: amountOf(attempt.amount), state: badge(wordOf(`attempt.${attempt.state}`, attempt.state), attempt.state === "paid" ? "good" : "muted"),
  known: [
    [text("admin.provider"), wordOf(`provider.${attempt.provider}`, attempt.provider)], [text("admin.began"), exactTime(attempt.created_at)], [text("admin.changed"), exactTime(attempt.changed_at)],
    [text("admin.tries"), number(attempt.tries)], [text("admin.reference"), attempt.reference], [text("admin.id"), element("code", {}, attempt.id)],
  ],
});

const recordsOf = ({ reservation, record, order }) => facts([
  [text("admin.reservation"), reservation && wordOf(`place.${reservation.state}`, reservation.state)],
  [text("admin.sweep"), reservation && exactTime(reservation.sweep_at)], [text("admin.tickets_settled"), reservation && exactTime(reservation.settled_at)],
  [text("admin.request"), reservation && element("code", {}, reservation.request_id)],
  [text("admin.record"), record && text(`orderstate.${record.state}`)], [text("admin.recorded"), record && exactTime(record.recorded_at)],
  [text("admin.due"), record && exactTime(record.expires_at)], [text("admin.extended"), record?.extended ? text("admin.yes") : null],
  [text("admin.ask_until"), record && exactTime(record.ask_until)], [text("admin.places"), order?.tickets && wordOf(`place.${order.tickets}`, order.tickets)],
]);

// timeline is what happened to an order, the first first, and what is still to come.
function timeline({ entries, message }) {
  const line = ({ at, what, detail, said, process, planned }) => element("li", { class: planned ? "planned" : null },
    element("time", { datetime: at }, exactTime(at)),
    element("div", {}, element("strong", {}, wordOf(`event.${what}`, what)), planned ? ` (${text("admin.planned")})` : "",
      detail ? element("p", {}, sentences(said, detail)) : null, process ? element("p", { class: "muted" }, process) : null));
  return element("div", {}, element("ol", { class: "timeline" }, ...entries.map(line)),
    message === "queue_away" ? nothing(text("admin.queue_away")) : null);
}
