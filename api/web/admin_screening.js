// The view #/screenings/ID: one screening as its sale goes, and what can be done with it.

import { askFor } from "./admin_ask.js";
import { get, patch, pathOf, post, query } from "./admin_calls.js";
import { curve, stepFor } from "./admin_curve.js";
import { separated } from "./admin_money_words.js";
import { button, choice, exactTime, facts, failure, field, heading, link, nothing, section, showParts } from "./admin_parts.js";
import { hasDraft, screeningForm } from "./admin_screening_form.js";
import { seenPart } from "./admin_seen.js";
import { noteTitle } from "./admin_titles.js";
import { isPast, now } from "./clock.js";
import { element, setText } from "./dom.js";
import { longTime, money, number } from "./format.js";
import { text } from "./i18n.js";
import { repeat } from "./live.js";
import { tell } from "./news.js";
import { noteOf, stateOf } from "./sale.js";

const pollWait = 2000;
const salesWait = 10_000;
const spans = [[0, "admin.span_all"], [3600_000, "admin.span_hour"], [600_000, "admin.span_minutes"]]; // of the curve, in milliseconds

export function screeningView(root, [id]) {
  const path = `/v1/screenings/${pathOf(id)}`, adminPath = `/v1/admin/screenings/${pathOf(id)}`;
  const title = element("h1", {}, text("loading"));
  const state = element("p", { class: "note" });
  const actions = element("div", { class: "actions" });
  const place = element("div", {});
  const figures = element("div", { class: "loaded" });
  const sales = element("div", { class: "loaded" });
  const known = element("div", { class: "loaded" });
  const trouble = element("div", {});
  const span = choice(spans.map(([ms, key]) => [ms, text(key)]), 0);
  span.addEventListener("change", () => selling.wake());
  root.append(link("#/screenings", text("admin.to_screenings")), element("div", { class: "heading" }, title, state), trouble, actions, place, figures,
    section(text("admin.sales"), field("span", text("admin.span"), span), sales), section(text("admin.terms"), known));
  let shown = null;
  let offered = "";

  function show(found) {
    const first = shown === null;
    shown = found;
    trouble.replaceChildren();
    setText(title, found.movie);
    noteTitle(found);
    document.title = `${found.movie} - ${text("admin.name")}`;
    root.dataset.state = found.archived ? "archived" : stateOf(found);
    setText(state, found.archived ? text("admin.archived") : noteOf(found));
    showParts(figures, [figuresOf(found), nothing(found.orders ? text("admin.counted", { at: exactTime(found.orders.counted_at) }) : "")]);
    showParts(known, [termsOf(found)]);
    const offer = [found.paused, found.cancelled, found.archived, isPast(found.starts_at)].join();
    if (offer !== offered) actions.replaceChildren(...actionsOf(found));
    offered = offer;
    if (first && !found.archived && hasDraft(found)) openForm();
  }
  const acted = () => { offered = ""; polling.wake(); selling.wake(); };

  function actionsOf(found) {
    const orders = link(`#/orders${query({ screening: id })}`, text("admin.its_orders"), "button quiet");
    if (found.archived) return [orders];
    const door = document.body.dataset.tickets === "yes" ? [link(`/check-in#${encodeURIComponent(id)}`, text("admin.door"), "button quiet")] : [];
    const edit = button(text("admin.edit"), () => {
      openForm();
      place.querySelector("input").focus();
    });
    if (found.cancelled) return [orders, edit, button(text("admin.archive"), archive)];
    return [button(text(found.paused ? "admin.resume" : "admin.pause"), () => pause(!found.paused), null), button(text("admin.restock"), restock),
      edit, orders, ...door, button(text("admin.cancel_screening"), cancel, "quiet danger"), button(text("admin.archive"), archive)];
  }
  const pause = (paused) => askFor({
    draft: `pause:${id}`, title: text(paused ? "admin.pause" : "admin.resume"), about: shown.movie, words: text(paused ? "admin.pause_words" : "admin.resume_words"), note: "optional",
    act: ({ note }) => patch(path, { paused, ...(note ? { note } : {}) }), done: acted,
  });
  const restock = () => {
    const input = element("input", { type: "number", min: 1, max: 100_000_000, required: true, value: shown.capacity, inputmode: "numeric" });
    const seen = seenPart(shown);
    askFor({
      draft: `restock:${id}`, title: text("admin.restock"), about: shown.movie, words: text("admin.restock_words", { capacity: shown.capacity, left: shown.available }), note: "optional",
      fields: [{ id: "capacity", label: text("field.capacity"), input }],
      act: async ({ capacity, note }) => {
        await seen.unlessChanged({ capacity: Number(capacity) });
        return patch(path, { capacity: Number(capacity), ...(note ? { note } : {}) });
      },
      done: acted,
    });
  };
  const cancel = () => askFor({
    draft: `cancel:${id}`, title: text("admin.cancel_screening"), about: shown.movie, words: text("admin.cancel_screening_words"), typed: shown.movie,
    act: ({ note }) => post(`${adminPath}/cancel`, { note }), done: acted,
  });
  const archive = () => askFor({
    draft: `archive:${id}`, title: text("admin.archive"), about: shown.movie, words: text("admin.archive_words"), act: ({ note }) => post(`${adminPath}/archive`, { note }), done: acted,
  });
  function openForm() {
    if (place.childElementCount > 0) return;
    const close = () => place.replaceChildren();
    place.append(section(text("admin.edit"), screeningForm(shown, {
      leave: close, done: () => { close(); tell(text("admin.done_to", { what: text("admin.edit"), title: shown.movie }), { kind: "good" }); acted(); },
    })));
  }

  const polling = repeat(async () => {
    show(await get(adminPath));
    return pollWait;
  }, (error) => {
    if (error.status === 404) {
      selling.stop();
      missing(root);
    }
    else trouble.replaceChildren(failure(error));
  });
  const said = (key, wait) => {
    sales.replaceChildren(nothing(text(key)));
    return wait;
  };
  const selling = repeat(async () => {
    if (!shown) return 500;
    if (shown.archived) return said("admin.archived", Infinity);
    const to = Math.min(now(), Date.parse(shown.sale_closes_at) + 3600_000);
    const from = Math.max(Date.parse(shown.sale_opens_at), Number(span.value) > 0 ? to - Number(span.value) : 0);
    if (to <= from) return said("admin.no_sales", salesWait);
    const answer = await get(`${adminPath}/sales${query({ step: `${stepFor(to - from)}s`, from: new Date(from).toISOString() })}`);
    showParts(sales, [curve(answer.buckets)]);
    return salesWait;
  }, (error) => sales.replaceChildren(failure(error)));
  return { stop: () => { polling.stop(); selling.stop(); } };
}

// missing replaces the view of a screening that does not exist.
function missing(root) {
  document.title = `${text("screening.missing")} - ${text("admin.name")}`;
  root.replaceChildren(link("#/screenings", text("admin.to_screenings")), heading(text("screening.missing")));
}

// figuresOf are the numbers that change while a sale goes.
function figuresOf(found) {
  const count = ({ orders, tickets }) => text("admin.orders_tickets", { orders, tickets: text("tickets", { count: tickets }) });
  const { orders, money: sums, cancellation, archive } = found;
  return facts([
    [text("admin.available"), number(found.available)], [text("admin.reserved"), number(found.reserved)], [text("admin.sold"), number(found.sold)],
    [text("field.capacity"), number(found.capacity)],
    [text("admin.orders_reserved"), orders && count(orders.reserved)], [text("admin.orders_paid"), orders && count(orders.paid)],
    [text("admin.orders_cancelled"), orders && count(orders.cancelled)], [text("admin.buyers"), orders && number(orders.buyers)],
    [text("admin.received"), sums && separated(sums.received.amount, sums.received.currency)],
    [text("admin.refunded"), sums && separated(sums.refunded.amount, sums.refunded.currency)],
    [text("admin.cancellation"), cancellation && (cancellation.done_at ? text("admin.cancellation_done", { at: exactTime(cancellation.done_at) })
      : text("admin.cancellation_left", { count: cancellation.tickets_left }))],
    [text("admin.archive_sums"), archive && text("admin.orders_tickets", { orders: archive.paid_orders, tickets: text("tickets", { count: archive.tickets_sold }) })],
  ], "figures-grid");
}

const termsOf = (found) => facts([
  [text("admin.id"), element("code", {}, found.id)], [text("field.venue"), found.venue], [text("field.starts_at"), longTime(found.starts_at)],
  [text("field.sale_opens_at"), exactTime(found.sale_opens_at)], [text("field.sale_closes_at"), exactTime(found.sale_closes_at)],
  [text("field.price"), money(found.price)], [text("field.per_user_limit"), found.per_user_limit > 0 ? number(found.per_user_limit) : text("admin.no_limit")],
  [text("field.late_payment"), text(found.late_payment === "revive" ? "admin.late_revive" : "admin.late_refund")],
  [text("field.description"), found.description], [text("field.poster_url"), found.poster_url], [text("field.map_url"), found.map_url],
  [text("admin.shop"), link(`/s/${encodeURIComponent(found.id)}`, `/s/${found.id}`)],
]);
