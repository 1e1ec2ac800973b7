// The line that tells what happened, wherever in the page one is. A screen reader reads it.

import { element } from "./dom.js";
import { text } from "./i18n.js";

const readFor = 3000; // nobody can read words that go at once
let toldAt = -Infinity;

// tell shows words until they are closed, or others or none take their place: those that say that nobody has answered only until
// somebody does. A link is {href, words}.
export function tell(words, { kind = "", link = null, unanswered = false } = {}) {
  const line = document.getElementById("news");
  toldAt = performance.now();
  line.hidden = words === "";
  line.dataset.kind = kind;
  line.dataset.unanswered = unanswered ? "yes" : "no";
  line.replaceChildren(element("span", {}, words));
  if (words === "") return;
  if (link) line.append(element("a", { href: link.href }, link.words));
  line.append(element("button", { type: "button", class: "close", "aria-label": text("close"), click: () => tell("") }, "\u00d7"));
}

// answered takes away words that say that nobody has answered, once they can have been read. It is called with every answer.
export function answered() {
  const { unanswered } = document.getElementById("news").dataset;
  if (unanswered === "yes" && performance.now() - toldAt >= readFor) tell("");
}
