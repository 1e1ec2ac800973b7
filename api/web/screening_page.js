// What the page of a screening consists of. Its elements are made once, and only their texts change.

import { secondsUntil } from "./clock.js";
import { element, setAttribute, setText } from "./dom.js";
import { countdown, longTime, money, number, times } from "./format.js";
import { text } from "./i18n.js";
import { poster } from "./poster.js";
import { problemText } from "./problem.js";
import * as purchases from "./purchases.js";
import { quantityChoice } from "./quantity.js";
import { isScarce, noteOf, stateOf } from "./sale.js";
import { session } from "./session.js";

// screeningPage returns the page's root and the bar at its foot, and what changes them. buy is called with a quantity.
export function screeningPage(screening, buy) {
  const { id } = screening;
  const title = element("h1", {}, screening.movie);
  const facts = factParts();
  const stock = stockParts();
  const description = element("p", { class: "description" });
  const result = element("p", { class: "result", role: "status" });
  const quantity = quantityChoice(id, () => tick());
  const total = element("strong", { class: "total" });
  const sum = element("p", { class: "sum" }, element("span", { class: "muted" }, text("screening.total")), total);
  const button = element("button", { type: "submit", class: "buy", form: "buy" });
  const submit = (event) => {
    event.preventDefault();
    if (!button.disabled) buy(quantity.value());
  };
  const form = element("form", { id: "buy", submit }, quantity.root);
  const root = element("article", { class: "screening", "data-id": id }, poster(screening, "large"),
    element("div", { class: "screening-text" }, title, facts.root, stock.opening, stock.root, form, result, description));
  const bar = element("div", { class: "bottom-bar" }, sum, button);

  function show(answer) {
    screening = answer;
    setText(title, screening.movie);
    setText(description, screening.description || "");
    facts.show(screening);
    stock.show(screening);
    quantity.offer(screening.per_user_limit, screening.available);
    tick();
  }

  // tick shows what depends on the time, the quantity and the purchase.
  function tick() {
    const state = stateOf(screening);
    const { working, error } = purchases.stateOf(id);
    const getReady = state === "early" && !session.signedIn;
    root.dataset.state = bar.dataset.state = state;
    root.dataset.scarce = isScarce(screening) ? "yes" : "no";
    stock.tick(screening, state);
    form.hidden = sum.hidden = state !== "open" && state !== "early";
    quantity.disable(working);
    setText(total, money(times(screening.price, quantity.value())));
    button.disabled = working || (state !== "open" && !getReady);
    setText(button, buttonText(state, working));
    result.dataset.kind = working || !error ? "wait" : "bad";
    setText(result, error ? errorText(error, working) : getReady ? text("buy.be_ready") : "");
  }
  return { root, bar, show, tick };
}

function buttonText(state, working) {
  if (working) return text("buy.working");
  if (state === "open") return text(session.signedIn ? "buy.go" : "buy.signed_out");
  return state === "early" && !session.signedIn ? text("signin.title") : text(`buy.${state}`);
}

function errorText(error, working) {
  if (!error.retryable) return problemText(error);
  return `${problemText(error)} ${text(working ? "buy.again" : "buy.not_lost")}`;
}

// factParts makes the list of when, where, for how much, and how many.
function factParts() {
  const [when, where, price, limit] = [0, 1, 2, 3].map(() => element("dd"));
  const row = (key, value) => element("div", {}, element("dt", {}, text(key)), value);
  const limitRow = row("screening.limit", limit);
  const map = element("a", { target: "_blank", rel: "noopener noreferrer", hidden: true }, text("screening.map"));
  const venue = element("span");
  where.append(venue, " ", map);
  return {
    root: element("dl", { class: "facts" }, row("screening.when", when), row("screening.where", where), row("screening.price", price), limitRow),
    show(screening) {
      setText(when, longTime(screening.starts_at));
      setText(venue, screening.venue);
      map.hidden = !screening.map_url?.startsWith("https://");
      setAttribute(map, "href", map.hidden ? null : screening.map_url);
      setText(price, money(screening.price));
      setText(limit, text("screening.per_person", { count: screening.per_user_limit }));
      limitRow.hidden = screening.per_user_limit === 0;
    },
  };
}

// stockParts makes what tells how many are left, or how long it is until the sale opens.
function stockParts() {
  const left = element("progress", { class: "left" });
  const note = element("p", { class: "note" });
  const clock = element("strong", { class: "clock", role: "timer" });
  const opening = element("p", { class: "opening" }, element("span", { class: "clock-label" }, text("screening.opens_in")), clock);
  return {
    opening,
    root: element("div", { class: "stock" }, left, note),
    show({ available, capacity }) {
      left.max = Math.max(1, capacity);
      left.value = available;
      setAttribute(left, "aria-label", text("screening.left_of", { left: available, capacity }));
    },
    tick(screening, state) {
      opening.hidden = state !== "early";
      note.hidden = state === "early";
      left.hidden = state !== "open";
      setText(clock, countdown(secondsUntil(screening.sale_opens_at)));
      setText(note, noteText(screening, state));
    },
  };
}

function noteText(screening, state) {
  const more = { open: text("screening.of", { capacity: number(screening.capacity) }), "sold-out": text("screening.come_back") }[state];
  return more ? `${noteOf(screening)} \u00b7 ${more}` : noteOf(screening);
}
