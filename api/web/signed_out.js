// What stands at the address of something that only its buyer may see, until somebody signs in.

import { element } from "./dom.js";
import { text } from "./i18n.js";
import { signIn } from "./signin.js";

export function signedOutView(root, heading, why) {
  root.append(element("div", { class: "empty" }, element("h1", {}, heading), element("p", { class: "muted" }, why),
    element("button", { type: "button", click: () => signIn(why) }, text("signin.title"))));
  return { stop() {} };
}
