// The view #/trouble: what is not as it should be and how it is mended, messages and mail that were given up, how deep the queues are,
// and which processes are alive.

import { askFor } from "./admin_ask.js";
import { get, list, post } from "./admin_calls.js";
import { badge, button, exactTime, facts, heading, link, loaded, nothing, row, rows, section, sentences, wordOf } from "./admin_parts.js";
import { mailRow } from "./admin_records.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { currentLanguage, text } from "./i18n.js";

const findingsWait = 20_000; // the office examines itself for fifteen seconds at most
const pollWait = 5000;
const ofOrders = ["reservation_without_order", "order_without_reservation", "order_not_settled", "stale_reservation", "contradiction",
  "order_without_tickets", "tickets_of_unpaid_order"];
const ofScreenings = ["unbalanced_stock", "unfinished_archive"];

export function troubleView(root) {
  const findings = loaded(async () => findingsOf(await get("/v1/admin/findings", { wait: findingsWait }), () => later()));
  const letters = loaded(async () => lettersOf(await get("/v1/admin/dead-letters?limit=20"), () => later()));
  const mails = hasMail() ? loaded(async () => [rows((await list("/v1/admin/notifications", { state: "dead" })).items,
    (mail) => mailRow(mail, () => later()), text("admin.no_dead_mails"))]) : null;
  const queues = loaded(async () => queuesOf(await get("/v1/admin/queues")), pollWait);
  const processes = loaded(async () => [rows((await get("/v1/admin/processes")).items, processRow, text("admin.no_processes"))], pollWait);
  const later = () => { findings.reload(); letters.reload(); mails?.reload(); };
  root.append(heading(text("admin.trouble"), button(text("admin.examine"), later)), section(text("admin.findings"), findings.root),
    section(text("admin.dead_letters"), letters.root), ...(mails ? [section(text("admin.dead_mails"), mails.root)] : []),
    section(text("admin.queues"), queues.root), section(text("admin.processes"), processes.root));
  return { stop: () => [findings, letters, mails, queues, processes].forEach((part) => part?.stop()) };
}

const hasMail = () => document.body.dataset.notify === "yes";

function findingsOf({ healthy, complete, total, findings, counts, notes, at }, acted) {
  const mend = (kind, id = "") => () => askFor({
    draft: `mend:${kind}:${id}`, title: text("admin.mend"), words: `${text(`finding.${kind}`)}${id && `: ${id}`}`,
    act: ({ note }) => post("/v1/admin/findings/fix", { kind, note, ...(id ? { id } : {}) }), done: acted,
  });
  const kinds = Object.entries(counts).filter(([, count]) => count > 1).map(([kind, count]) => ({ kind, count, remedy: findings.find((one) => one.kind === kind)?.remedy }));
  const togetherOnly = (kind) => kind === "dead_letter" || kind === "exhausted_half";
  const ownButtonFirst = [...findings].sort((a, b) => togetherOnly(a.kind) - togetherOnly(b.kind)); // a thousand dead letters would hide them
  const findingRow = ({ kind, id, detail, said, remedy, remedy_said: mending }) => row({
    title: wordOf(`finding.${kind}`, kind),
    state: ofOrders.includes(kind) ? link(`#/orders/${encodeURIComponent(id)}`, id)
      : ofScreenings.includes(kind) ? link(`#/screenings/${encodeURIComponent(id)}`, id) : element("code", {}, id),
    known: [[text("admin.detail"), sentences(said, detail)], [text("admin.remedy"), remedy ? sentences(mending && [mending], remedy) : text("admin.no_remedy")]],
    actions: remedy && !togetherOnly(kind) ? [button(text("admin.mend"), mend(kind, id))] : [],
  });
  const all = kinds.filter(({ remedy }) => remedy).map(({ kind, count }) => button(text("admin.mend_all", { what: text(`finding.${kind}`), count }), mend(kind)));
  const noteRow = (note) => row({
    title: text(note.kind === "refund_due" ? "money.refund_due" : "money.id_reused"), state: exactTime(note.since),
    known: [[text("find.id"), link(`#/orders/${encodeURIComponent(note.order_id)}`, note.order_id)], [text("find.payment"), note.payment_id]],
  });
  return [
    element("p", {}, badge(healthy ? text("admin.healthy") : text("admin.found", { count: total }), healthy ? "good" : "bad"), " ",
      element("span", { class: "muted" }, exactTime(at), complete ? "" : ` ${text("admin.incomplete")}`)),
    ...(all.length > 0 ? [element("div", { class: "actions" }, ...all)] : []),
    ...(findings.length > 0 ? [rows(ownButtonFirst, findingRow, "")] : []),
    ...(notes.length > 0 ? [element("details", {}, element("summary", {}, text("admin.notes", { count: notes.length })), rows(notes, noteRow, ""))] : []),
  ];
}

function lettersOf({ items }, acted) {
  const groups = items.filter(({ count }) => count > 0);
  if (groups.length === 0) return [nothing(text("admin.no_letters"))];
  const resend = button(text("admin.resend"), () => askFor({
    draft: "resend", title: text("admin.resend"), words: text("admin.resend_words"), act: ({ note }) => post("/v1/admin/dead-letters/resend", { note }), done: acted,
  }));
  const orders = (ids) => element("span", {}, ...ids.flatMap((id) => [link(`#/orders/${encodeURIComponent(id)}`, id), " "]));
  const letter = (one) => row({
    title: element("code", {}, one.message_id), state: exactTime(one.stored_at),
    known: [[text("admin.topic"), one.topic], [text("admin.key"), one.key], [text("admin.orders"), one.order_ids.length > 0 ? orders(one.order_ids) : null],
      [text("admin.detail"), one.problem && (currentLanguage() === "en" ? one.problem : text("admin.unreadable"))]],
  });
  return [element("div", { class: "actions" }, resend), ...groups.map(({ group, count, letters }) =>
    element("div", {}, element("h3", {}, `${group ?? text("finding.exhausted_half")} (${number(count)})`), rows(letters, letter, ""),
      ...(count > letters.length ? [nothing(text("admin.more_letters", { count: count - letters.length }))] : [])))];
}

function queuesOf({ groups, half_messages_in_doubt: doubt, half_messages_exhausted: exhausted }) {
  const unread = (group) => group.consumers.length === 0; // with nothing to read it is not behind, and yet nobody does its work
  const groupRow = (group) => row({
    title: group.group,
    state: unread(group) ? badge(text("admin.no_consumer", { count: group.lag }), "bad") : badge(text("admin.lag", { count: group.lag }), group.lag > 0 ? "wait" : "good"),
    known: [[text("admin.topic"), group.topic], [text("admin.retrying"), number(group.retrying)], [text("admin.dead_letters"), number(group.dead_letters)],
      [text("admin.consumers"), number(group.consumers.length)]],
  });
  return [rows(groups, groupRow, text("admin.no_queues")), facts([[text("admin.doubt"), number(doubt)], [text("finding.exhausted_half"), number(exhausted)]])];
}

const processRow = (one) => row({
  title: `${one.host} ${one.pid}`, state: one.version,
  known: [[text("admin.roles"), one.roles], [text("admin.started"), exactTime(one.started_at)], [text("admin.seen"), exactTime(one.seen_at)],
    [text("admin.clock"), Math.abs(one.clock_ahead_ms) > 500 ? text("admin.clock_ahead", { count: one.clock_ahead_ms }) : null]],
});
