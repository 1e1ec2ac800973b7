// What the views of the console are made of.

import { problemWords } from "./admin_words.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";
import { repeat } from "./live.js";
import { nameOf } from "./signin.js";

export { exactTime, problemWords, sentences, wordOf } from "./admin_words.js";

export const button = (words, click, className = "quiet") => element("button", { type: "button", class: className, click }, words);
export const link = (href, words, className = null) => element("a", { href, class: className }, words);
// person is the name of a buyer or operator, with the id that it stands for where that is another text.
export const person = (subject) => (nameOf(subject) === subject ? subject : element("bdi", { title: subject }, nameOf(subject)));
export const badge = (words, kind) => element("span", { class: "badge", "data-kind": kind }, words);
export const heading = (title, ...actions) =>
  element("div", { class: "heading" }, element("h1", {}, title), element("div", { class: "actions" }, ...actions));
export const section = (title, ...parts) => element("section", {}, element("h2", {}, title), ...parts);
// resultsOf is a section whose heading only a screen reader needs.
export const resultsOf = (title, ...parts) => element("section", {}, element("h2", { class: "visually-hidden" }, title), ...parts);
export const nothing = (words) => element("p", { class: "muted" }, words);
export const failure = (error) => element("p", { class: "result", role: "alert", "data-kind": "bad" }, problemWords(error));

// facts lists what is known by name; what is null or empty is left out.
export function facts(pairs, className = "known") {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { class: className }, ...known.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

// row is one thing in a list: what it is, how it stands, what is known of it, and what can be done with it.
export function row({ title, state = null, known = [], actions = [], more = [] }) {
  return element("li", { class: "row" },
    element("div", { class: "row-head" }, element("h3", {}, title), state),
    facts(known), ...more, actions.length > 0 ? element("div", { class: "actions" }, ...actions) : null);
}

export const rows = (items, make, empty) => (items.length > 0 ? element("ul", { class: "rows" }, ...items.map(make)) : nothing(empty));

// field is an input with its label, and perhaps a hint.
export function field(id, words, input, hint = null) {
  input.id = id;
  input.name = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return element("div", { class: "field" }, element("label", { for: id }, words), input,
    hint ? element("p", { class: "hint", id: `${id}-hint` }, hint) : null);
}

// choice is a list to choose from, of [value, words].
export function choice(options, chosen = "") {
  const made = element("select", {}, ...options.map(([value, words]) => element("option", { value }, words)));
  made.value = chosen;
  return made;
}

// showParts replaces what an element holds, unless it would look the same: focus and selection then survive.
export function showParts(root, parts) {
  const same = parts.length === root.children.length && parts.every((part, place) => part.isEqualNode(root.children[place]));
  if (!same) root.replaceChildren(...parts);
}

// loaded fills itself with the parts that load returns, tries again while the server is away, and does so anew when it is
// reloaded or, with a pause in milliseconds, as time goes by. A pause may be made of how long the load has taken.
export function loaded(load, pause = Infinity) {
  const root = element("div", { class: "loaded" }, nothing(text("loading")));
  let polling = { stop() {} };
  const reload = () => {
    polling.stop();
    let current = true;
    const { stop } = repeat(async () => {
      const began = performance.now();
      const parts = await load();
      if (current) showParts(root, parts);
      return typeof pause === "function" ? pause(performance.now() - began) : pause;
    }, (error) => { if (current) root.replaceChildren(failure(error)); });
    polling = { stop: () => { current = false; stop(); } };
  };
  reload();
  return { root, reload, stop: () => polling.stop() };
}
