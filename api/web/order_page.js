// What the page of an order consists of. Its elements are made once, and only their texts change.

import * as calls from "./calls.js";
import { isPast, secondsUntil } from "./clock.js";
import { confirmButton } from "./confirm.js";
import { contactLine } from "./contact_line.js";
import { element, setText } from "./dom.js";
import { countdown, longTime, money, shortTime } from "./format.js";
import { text } from "./i18n.js";
import { load, providers } from "./known.js";
import { tell } from "./news.js";
import { isOpen, reasonOf, refundsOf, statusOf } from "./order_words.js";
import { perform } from "./pay.js";
import { poster } from "./poster.js";
import { problemText } from "./problem.js";
import { providerChoice } from "./provider.js";
import { setTitle } from "./router.js";
import { noteWaiting } from "./waiting.js";

const doubleClick = 900; // the second half of a double click on Buy must not pay or cancel

// orderPage returns the page's root and the bar at its foot, and what changes them. acted is called after the buyer has done
// something with the order.
export function orderPage(order, { justBought, acted }) {
  const shownAt = justBought ? performance.now() : -Infinity;
  const parts = orderParts(order, {
    pay: () => act(async () => { code = perform((await calls.pay(order.id, parts.choice.value())).action); }),
    cancel: () => act(async () => show(await calls.cancel(order.id))),
  });
  let working = false;
  let screening = null;
  let code = null; // the dialog of a QR code

  async function act(what) {
    if (working || performance.now() - shownAt < doubleClick) return;
    working = true;
    tell(""); // of the try before
    tick();
    try {
      await what();
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      tell(problemText(error), { kind: "bad", unanswered: error.status === 0 });
    }
    working = false;
    tick();
    acted();
  }

  function show(answer) {
    order = answer;
    parts.show(order);
    if (!isOpen(order) && code?.open) code.close();
    if (!screening) load(order.screening_id).then(showScreening);
    if (isOpen(order) && !parts.choice.offered()) offerProviders();
    tick();
  }

  function showScreening(found) {
    if (!found || screening) return;
    screening = found;
    parts.showScreening(screening);
    setTitle(screening.movie);
    noteWaiting(order); // by its title
  }

  async function offerProviders() {
    try {
      parts.choice.offer(await providers());
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      return; // the next answer asks again
    }
    tick();
  }

  const tick = () => parts.tick(working);
  return { root: parts.root, bar: parts.bar, show, showRefunds: parts.showRefunds, tick, stop: () => { parts.contact.stop(); if (code?.open) code.close(); } };
}

// orderParts makes the elements.
function orderParts(order, { pay, cancel }) {
  let screening = null;
  const status = element("p", { class: "status", role: "status" });
  const clock = element("strong", { class: "clock", role: "timer", "aria-label": text("order.due") });
  const reason = element("p", { class: "reason" });
  const refunds = element("p", { class: "reason lines", role: "status", hidden: true });
  const ticket = ticketParts(order.id);
  const contact = contactLine();
  const choice = providerChoice();
  const elsewhere = element("p", { class: "muted", hidden: true }, text("pay.elsewhere"));
  const tickets = element("a", { class: "button wide", href: `/tickets#${encodeURIComponent(order.id)}` }, text("order.tickets"));
  const again = element("a", { class: "button quiet wide", href: `/s/${encodeURIComponent(order.screening_id)}` }, text("order.again"));
  const cancelButton = confirmButton("quiet wide cancel", text("order.cancel"), text("order.really_cancel"), cancel);
  const payButton = element("button", { type: "button", class: "pay", click: pay });
  const bar = element("div", { class: "bottom-bar" }, payButton);
  const root = element("article", { class: "order" }, element("div", { class: "order-head" }, status, clock), reason, refunds,
    ticket.root, choice.root, elsewhere, tickets, again, contact.root, cancelButton);

  function show(answer) {
    order = answer;
    root.dataset.status = bar.dataset.status = answer.status;
    setText(status, statusOf(answer));
    tickets.hidden = answer.status !== "paid" || document.body.dataset.tickets !== "yes";
    again.hidden = answer.status !== "cancelled";
    contact.ask(answer.status !== "cancelled"); // there are no tickets to be sent
    cancelButton.hidden = clock.hidden = !isOpen(answer);
    ticket.show(answer);
    showReason();
  }

  function showScreening(found) {
    screening = found;
    ticket.showScreening(found);
    showReason();
  }

  function showReason() {
    setText(reason, reasonOf(order, screening));
    reason.hidden = reason.textContent === "";
  }

  function showRefunds(list) {
    setText(refunds, refundsOf(list));
    refunds.hidden = list.length === 0;
  }

  // tick shows what depends on the time and on what is under way.
  function tick(working) {
    const open = isOpen(order);
    const late = isPast(order.expires_at);
    const time = countdown(secondsUntil(order.expires_at));
    const none = choice.offered() && choice.count() === 0;
    root.dataset.late = late ? "yes" : "no";
    setText(clock, time);
    choice.root.hidden = !open || choice.count() < 2;
    elsewhere.hidden = !open || !none;
    bar.hidden = !open || none;
    payButton.disabled = late || working || !choice.offered();
    setText(payButton, working ? text("pay.working") : late ? text("pay.late") : text("pay.go", { amount: money(order.amount), time }));
    cancelButton.disabled = working;
  }
  return { root, bar, choice, contact, show, showScreening, showRefunds, tick };
}

// ticketParts makes the card that looks like the ticket that it will be.
function ticketParts(id) {
  const art = element("div", { class: "ticket-art" });
  const title = element("h1", {}, text("order.title"));
  const where = element("p", { class: "muted lines" });
  const facts = ["order.what", "order.amount", "order.bought", "order.due"].map((key) => {
    const value = element("dd");
    return { value, row: element("div", {}, element("dt", {}, text(key)), value) };
  });
  const code = element("div", { class: "id" }, element("dt", {}, text("order.id")), element("dd", {}, element("code", {}, id)));
  const root = element("div", { class: "ticket" }, art, element("div", { class: "ticket-text" }, title, where),
    element("dl", { class: "facts stub" }, ...facts.map(({ row }) => row), code));
  return {
    root,
    show(order) {
      const values = [text("tickets", { count: order.quantity }), money(order.amount), shortTime(order.created_at), shortTime(order.expires_at)];
      values.forEach((value, place) => setText(facts[place].value, value));
      facts.at(-1).row.hidden = !isOpen(order);
    },
    showScreening(screening) {
      setText(title, screening.movie);
      setText(where, `${longTime(screening.starts_at)}\n${screening.venue}`);
      art.replaceChildren(poster(screening, "banner"));
    },
  };
}
