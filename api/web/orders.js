// The page "/orders": the buyer's orders: those that can be paid, then the newest first.

import * as calls from "./calls.js";
import { everyTick, secondsUntil } from "./clock.js";
import { element, reconcile, setText } from "./dom.js";
import { countdown, money, shortTime } from "./format.js";
import { text } from "./i18n.js";
import { known, load } from "./known.js";
import { repeat } from "./live.js";
import { isOpen, statusOf } from "./order_words.js";
import { poster } from "./poster.js";
import { setTitle } from "./router.js";
import { session } from "./session.js";
import { signedOutView } from "./signed_out.js";

const pollWait = 1000;
const calmWait = 5000;
const loadMax = 8; // screenings that one look asks for

const seen = { buyer: "", items: [], pages: 1, more: false }; // kept for the way back

export function ordersView(root) {
  setTitle(text("orders.title"));
  if (!session.signedIn) return signedOutView(root, text("orders.title"), text("signin.to_see_orders"));
  const { buyer } = session;
  if (seen.buyer !== buyer) Object.assign(seen, { buyer, items: [], pages: 1, more: false, loaded: false });
  const list = element("ul", { class: "events" });
  const cards = new Map();
  const note = element("p", { class: "muted", role: "status" });
  const home = element("a", { class: "button", href: "/", hidden: true }, text("missing.home"));
  const more = element("button", { type: "button", class: "quiet wide", click: () => { seen.pages++; polling.wake(); } }, text("more"));
  root.append(element("h1", {}, text("orders.title")), note, home, list, more);

  function show() {
    reconcile(list, cards, [...seen.items.filter(isOpen), ...seen.items.filter((item) => !isOpen(item))], card);
    more.hidden = !seen.more;
    home.hidden = !seen.loaded || seen.items.length > 0;
    setText(note, seen.items.length > 0 ? "" : text(seen.loaded ? "orders.empty" : "loading"));
  }

  const polling = repeat(async () => {
    const { items, more: further } = await calls.orders(seen.pages);
    if (session.buyer !== buyer) return Infinity;
    Object.assign(seen, { items, more: further, loaded: true });
    show();
    await loadMissing(items);
    show();
    return items.some(isOpen) ? pollWait : calmWait;
  });
  const stopTicks = everyTick(() => { for (const part of cards.values()) part.tick(); });
  show();
  return { stop: () => { polling.stop(); stopTicks(); } };
}

// loadMissing loads screenings of orders that are not on sale any more, a few at each look.
async function loadMissing(items) {
  const missing = new Set(items.map((item) => item.screening_id).filter((id) => !known(id)));
  for (const id of [...missing].slice(0, loadMax)) {
    if (!(await load(id))) return;
  }
}

// card is one order in the list. All of it is the link.
function card(first) {
  let order = first;
  let art = null;
  const link = element("a", { href: `/o/${encodeURIComponent(first.id)}` });
  const where = element("p", { class: "muted lines" });
  const what = element("span", { class: "price" });
  const badge = element("span", { class: "badge" });
  const place = element("div", { class: "poster small" });
  const root = element("li", { class: "event order-card" }, place,
    element("div", { class: "event-text" }, element("h2", {}, link), where, element("p", { class: "event-foot" }, what, badge)));

  function tick() {
    const time = countdown(secondsUntil(order.expires_at));
    setText(badge, isOpen(order) ? text("orders.pay_within", { time }) : statusOf(order));
  }

  function show(answer) {
    order = answer;
    root.dataset.status = order.status;
    const screening = known(order.screening_id);
    setText(link, screening ? screening.movie : text("order.title"));
    setText(where, screening ? `${shortTime(screening.starts_at)}\n${screening.venue}` : shortTime(order.created_at));
    setText(what, `${text("tickets", { count: order.quantity })} \u00b7 ${money(order.amount)}`);
    if (screening && !art) place.replaceWith((art = poster(screening, "small")));
    tick();
  }
  return { root, show, tick };
}
