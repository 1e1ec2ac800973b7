// What stands at an address where there is nothing, or nothing that this buyer may see.

import { element } from "./dom.js";
import { text } from "./i18n.js";
import { setTitle } from "./router.js";

export function missingView(root, heading = text("missing.heading")) {
  setTitle(heading);
  root.replaceChildren(element("div", { class: "empty" }, element("h1", {}, heading), element("p", { class: "muted" }, text("missing.text")),
    element("a", { class: "button", href: "/" }, text("missing.home"))));
  return { stop() {} };
}
