// Records that several views list: refunds, and the acts of operators.

import { askFor } from "./admin_ask.js";
import { pathOf, post } from "./admin_calls.js";
import { separated } from "./admin_money_words.js";
import { badge, button, exactTime, facts, link, person, row, wordOf } from "./admin_parts.js";
import { screeningLink } from "./admin_titles.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { text } from "./i18n.js";

const kinds = { done: "good", settled: "good", needs_attention: "bad", failed: "wait", due: "wait", sent: "wait" };

// refundRow is a refund with what can be done about it. acted is called after an act.
export function refundRow(refund, acted) {
  const path = `/v1/admin/refunds/${pathOf(refund.id)}`;
  const amount = separated(refund.amount.amount, refund.amount.currency);
  const act = (name, title, words) => button(title, () => askFor({
    draft: `${name}:${refund.id}`, title, words: `${amount}. ${words}`,
    act: ({ note }) => post(`${path}/${name}`, { note }), done: acted,
  }));
  const made = row({
    title: amount,
    state: badge(text(`refundstate.${refund.state}`), kinds[refund.state]),
    known: [
      [text("find.id"), link(`#/orders/${encodeURIComponent(refund.order_id)}`, refund.order_id)], [text("admin.why"), wordOf(`why.${refund.reason}`, refund.reason)],
      [text("admin.provider"), wordOf(`provider.${refund.provider}`, refund.provider)], [text("admin.tries"), number(refund.tries)],
      [text("admin.said"), refund.detail && element("q", { lang: "" }, refund.detail)], // in whatever language
      [text("admin.changed"), exactTime(refund.changed_at)], [text("admin.id"), element("code", {}, refund.id)],
    ],
    actions: [
      ...(["failed", "needs_attention"].includes(refund.state) ? [act("retry", text("admin.refund_retry"), text("admin.refund_retry_words"))] : []),
      ...(refund.state === "needs_attention" ? [act("settle", text("admin.refund_settle"), text("admin.refund_settle_words"))] : []),
    ],
  });
  made.dataset.refund = refund.state;
  return made;
}

const stands = { sent: "good", due: "wait", dead: "bad", skipped: "muted" };

// mailRow is a mail or SMS. One that was given up can be sent again.
export function mailRow(mail, acted) {
  const title = `${text(`mail.${mail.kind}`)} \u00b7 ${text(`channel.${mail.channel}`)}`;
  const made = row({
    title, state: badge(text(`mailstate.${mail.state}`), stands[mail.state]),
    known: [
      [text("find.id"), link(`#/orders/${encodeURIComponent(mail.order_id)}`, mail.order_id)], [text("admin.mail_to"), mail.to],
      [text("admin.tries"), number(mail.tries)], [text("admin.said"), mail.last_error], [text("admin.began"), exactTime(mail.created_at)],
      [text("admin.mail_next"), exactTime(mail.next_at)], [text("admin.mail_sent"), exactTime(mail.sent_at)],
    ],
    actions: mail.state !== "dead" ? [] : [button(text("admin.mail_retry"), () => askFor({
      draft: `mail:${mail.id}`, title: text("admin.mail_retry"), words: `${title}. ${text("admin.mail_retry_words")}`,
      act: ({ note }) => post(`/v1/admin/notifications/${pathOf(mail.id)}/retry`, { note }), done: acted,
    }))],
  });
  made.dataset.mail = mail.state;
  return made;
}

const codes = { // fields whose values are codes
  state: (value) => wordOf(`orderstate.${value.toLowerCase()}`, wordOf(`refundstate.${value}`, value)),
  result: (value) => wordOf(`money.${value}`, value), cancel_reason: (value) => wordOf(`cause.${value}`, value),
  finding: (value) => wordOf(`finding.${value}`, value),
  late_payment: (value) => text(value === "revive" ? "admin.late_revive" : "admin.late_refund"),
};

// fieldOf is a field that an act has changed, in words.
function fieldOf(name, value) {
  if (value === null || value === undefined) return "\u2013";
  if (typeof value === "boolean") return text(value ? "admin.yes" : "admin.no");
  if (codes[name]) return codes[name](value);
  if (value.currency) return separated(value.amount, value.currency);
  if (name.endsWith("_at")) return exactTime(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// actRow is what an operator has done, and what that changed.
export function actRow(act) {
  const names = [...new Set([...Object.keys(act.before ?? {}), ...Object.keys(act.after ?? {})])];
  const isFixed = (name) => !act.before || (act.after && !(name in act.after)); // as what was reserved when a screening was cancelled
  const valueOf = (name) => (isFixed(name) ? fieldOf(name, (act.before ?? act.after)[name])
    : `${fieldOf(name, act.before[name])} \u2192 ${fieldOf(name, act.after?.[name])}`);
  const changes = names.map((name) => [wordOf(`field.${name}`, name), valueOf(name)]);
  const made = row({
    title: wordOf(`act.${act.act}`, act.act),
    state: element("span", { class: "muted" }, exactTime(act.at)),
    known: [[text("admin.actor"), act.actor_name ? `${act.actor_name} (${person(act.actor)})` : person(act.actor)], [text("admin.subject"), subjectLink(act)], [text("admin.why"), act.note]],
    more: changes.length > 0 ? [facts(changes, "known changes")] : [],
  });
  made.dataset.act = act.act;
  return made;
}

function subjectLink({ act, subject }) {
  if (act.startsWith("screening_")) return screeningLink(subject);
  if (act === "cancel" || act === "refund_part" || act === "mend_one" && !subject.includes("-")) return link(`#/orders/${encodeURIComponent(subject)}`, subject);
  return subject;
}
