// The page "/": what is on sale, what will be, and, when asked for, what was.

import * as calls from "./calls.js";
import { everyTick } from "./clock.js";
import { element, reconcile, setText } from "./dom.js";
import { money, shortTime } from "./format.js";
import { text } from "./i18n.js";
import { remember } from "./known.js";
import { repeat } from "./live.js";
import { poster } from "./poster.js";
import { setTitle } from "./router.js";
import { isScarce, noteOf, stateOf } from "./sale.js";

const pollWait = 3000;
const searchWait = 15_000; // between two readings of everything
const searchPages = 20; // of a hundred each, which a search reads at most

const seen = { current: [], past: [], pages: 1, pastPages: 1, more: false, pastMore: false }; // kept for the way back

export function homeView(root) {
  setTitle(text("home.title"));
  const asked = new URLSearchParams(location.search);
  const search = element("input", {
    id: "search", type: "search", value: asked.get("q") || "", placeholder: text("home.search"), "aria-label": text("home.search"),
    maxlength: 100, autocomplete: "off", enterkeyhint: "search", input: () => { keepAddress(); show(); polling.wake(); },
  });
  const past = element("input", { id: "show-past", type: "checkbox", change: () => { keepAddress(); show(); polling.wake(); } });
  past.checked = asked.get("past") === "1";
  const count = element("p", { class: "muted", role: "status" });
  const form = element("form", { class: "search", role: "search", submit: (event) => event.preventDefault() }, search);
  const open = section("home.open");
  const soon = section("home.soon");
  const over = section("home.past");
  const more = moreButton(() => { seen.pages++; polling.wake(); });
  const pastMore = moreButton(() => { seen.pastPages++; polling.wake(); });
  root.append(
    element("div", { class: "heading" }, element("h1", {}, text("home.heading")), form), count,
    open.root, soon.root, more, element("label", { class: "switch" }, past, element("span", {}, text("home.show_past"))), over.root, pastMore);

  const wanted = () => search.value.trim().toLocaleLowerCase();
  function keepAddress() {
    const query = new URLSearchParams();
    if (search.value.trim()) query.set("q", search.value.trim());
    if (past.checked) query.set("past", "1");
    history.replaceState(history.state, "", `/${query.size > 0 ? `?${query}` : ""}`);
  }

  function show() {
    const matches = (item) => `${item.movie}\n${item.venue}`.toLocaleLowerCase().includes(wanted());
    const current = seen.current.filter(matches);
    const isSoon = (item) => stateOf(item) === "early";
    open.show(current.filter((item) => !isSoon(item)));
    soon.show(current.filter(isSoon).sort((a, b) => Date.parse(a.sale_opens_at) - Date.parse(b.sale_opens_at)));
    const ended = past.checked ? seen.past.filter(matches) : [];
    over.show(ended);
    more.hidden = !seen.more || wanted() !== "";
    pastMore.hidden = !past.checked || !seen.pastMore || wanted() !== "";
    const found = current.length + ended.length;
    if (!seen.loaded) setText(count, text("loading"));
    else if (wanted()) setText(count, text("home.found", { count: found }));
    else setText(count, found === 0 ? text("home.empty") : "");
  }

  const polling = repeat(async () => {
    const searching = wanted() !== "";
    const answer = await calls.screenings(searching ? searchPages : seen.pages, false);
    Object.assign(seen, { current: answer.items, more: answer.more, loaded: true });
    if (past.checked) {
      const ended = await calls.screenings(searching ? searchPages : seen.pastPages, true);
      Object.assign(seen, { past: ended.items, pastMore: ended.more });
      remember(ended.items);
    }
    remember(answer.items);
    show();
    return searching ? searchWait : pollWait;
  });
  const stopTicks = everyTick(() => { if ([open, soon].some((part) => part.tick())) show(); });
  show();
  return { stop: () => { polling.stop(); stopTicks(); } };
}

const moreButton = (click) => element("button", { type: "button", class: "quiet wide", hidden: true, click }, text("more"));

// section is a heading with a list of screenings, and not there while it has none.
function section(title) {
  const list = element("ul", { class: "events" });
  const root = element("section", { hidden: true }, element("h2", {}, text(title)), list);
  const cards = new Map();
  return {
    root,
    show(items) {
      reconcile(list, cards, items, card);
      root.hidden = items.length === 0;
    },
    // tick goes on with countdowns, and tells whether a sale has opened or ended.
    tick: () => [...cards.values()].map((part) => part.tick()).some(Boolean),
  };
}

// card is one screening in a list. All of it is the link.
function card(screening) {
  const link = element("a", { href: `/s/${encodeURIComponent(screening.id)}` }, screening.movie);
  const where = element("p", { class: "muted lines" });
  const note = element("span", { class: "note" });
  const price = element("span", { class: "price" });
  const root = element("li", { class: "event" }, poster(screening, "small"),
    element("div", { class: "event-text" }, element("h3", {}, link), where, element("p", { class: "event-foot" }, price, note)));
  let shown = screening;
  return {
    root,
    tick() {
      if (stateOf(shown) === "early") setText(note, noteOf(shown));
      return stateOf(shown) !== root.dataset.state;
    },
    show(item) {
      shown = item;
      root.dataset.state = stateOf(item);
      root.dataset.id = item.id;
      root.dataset.scarce = isScarce(item) ? "yes" : "no";
      setText(link, item.movie);
      setText(where, `${shortTime(item.starts_at)}\n${item.venue}`);
      setText(price, money(item.price));
      setText(note, noteOf(item));
    },
  };
}
