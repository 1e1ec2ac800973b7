// The view #/screenings: what is on sale, what will be, and what was.

import { list } from "./admin_calls.js";
import { button, heading, link, section } from "./admin_parts.js";
import { hasDraft, screeningForm } from "./admin_screening_form.js";
import { noteTitle } from "./admin_titles.js";
import { element, reconcile, setText } from "./dom.js";
import { money, number, shortTime } from "./format.js";
import { text } from "./i18n.js";
import { repeat } from "./live.js";
import { noteOf, stateOf } from "./sale.js";

const pollWait = 4000;
const pagesMax = 20;

export function screeningsView(root) {
  const parts = { open: listed("admin.open"), soon: listed("admin.soon"), past: listed("admin.past") };
  const search = element("input", {
    id: "filter", type: "search", maxlength: 100, autocomplete: "off", placeholder: text("home.search"), "aria-label": text("home.search"), input: () => show(),
  });
  const place = element("div", {});
  const loading = element("p", { class: "muted", role: "status" }, text("loading"));
  let past = null; // they hardly change, and are many
  let pages = 0; // of the past, that are asked for
  const more = button(text("admin.show_past"), () => { past = null; pages = Math.max(1, pages * 2); polling.wake(); });
  const openForm = () => {
    place.append(section(text("admin.add"), screeningForm(null, {
      done: (made) => { location.hash = `#/screenings/${encodeURIComponent(made.id)}`; }, leave: () => place.replaceChildren(),
    })));
  };
  const add = button(text("admin.add"), () => {
    if (place.childElementCount > 0) return;
    openForm();
    place.querySelector("input").focus();
  }, null);
  if (hasDraft(null)) openForm();
  add.id = "add";
  root.append(heading(text("admin.screenings"), add), place, search, loading, parts.open.root, parts.soon.root, parts.past.root, more);

  let seen = null;
  function show() {
    if (!seen) return;
    const wanted = search.value.trim().toLocaleLowerCase();
    const matches = (item) => `${item.movie}\n${item.venue}\n${item.id}`.toLocaleLowerCase().includes(wanted);
    const isSoon = (item) => stateOf(item) === "early";
    const found = seen.filter(matches);
    parts.open.show(found.filter((item) => !isSoon(item)));
    parts.soon.show(found.filter(isSoon));
    const ended = (past?.items ?? []).filter(matches);
    parts.past.show(ended);
    more.hidden = past !== null && !past.next;
    setText(more, text(past ? "more" : "admin.show_past"));
    if (wanted) setText(loading, text("home.found", { count: found.length + ended.length }));
    else setText(loading, found.length === 0 ? text("admin.no_screenings") : "");
  }

  const polling = repeat(async () => {
    const current = await list("/v1/screenings", { closed: false, limit: 100 }, pagesMax);
    if (pages > 0 && !past) past = await list("/v1/screenings", { closed: true, limit: 100 }, pages);
    seen = current.items;
    show();
    return pollWait;
  });
  return { stop: polling.stop };
}

// listed is a heading with the screenings of one state, and not there while it has none.
function listed(title) {
  const items = element("ul", { class: "rows" });
  const root = section(text(title), items);
  root.hidden = true;
  const made = new Map();
  return {
    root,
    show(found) {
      reconcile(items, made, found, line);
      root.hidden = found.length === 0;
    },
  };
}

function line(screening) {
  const name = link(`#/screenings/${encodeURIComponent(screening.id)}`, "");
  const where = element("p", { class: "muted" });
  const state = element("span", { class: "note" });
  const left = element("p", { class: "figures" });
  const root = element("li", { class: "row" }, element("div", { class: "row-head" }, element("h3", {}, name), state), where, left);
  return {
    root,
    show(item) {
      root.dataset.id = item.id;
      root.dataset.state = stateOf(item);
      setText(name, item.movie);
      noteTitle(item);
      setText(where, `${shortTime(item.starts_at)} \u00b7 ${item.venue} \u00b7 ${money(item.price)}`);
      setText(state, noteOf(item));
      setText(left, text("admin.taken", { taken: item.capacity - item.available, capacity: item.capacity, percent: share(item) }));
    },
  };
}

const share = ({ capacity, available }) => (capacity > 0 ? `${number(Math.round(((capacity - available) / capacity) * 100))}%` : "0%");
