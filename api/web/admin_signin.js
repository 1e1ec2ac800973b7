// How an operator signs in to the console: by a name in the demo, by the office's identity provider, or by a bearer token.
// Whoever is no operator is told so, and sees nothing else.

import { demoToken, whoIs } from "./admin_calls.js";
import { operator } from "./admin_session.js";
import { problemWords } from "./admin_parts.js";
import { signInMethods, signOut } from "./calls.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";
import { session } from "./session.js";
import { subjectOf } from "./signin.js";

let methods = ["token"];

// start learns how one signs in here, and who is signed in already.
export async function start() {
  methods = await signInMethods();
  if (!operator.token && !methods.includes("oidc")) return;
  const token = operator.token;
  try {
    operator.open(await whoIs(token));
  } catch (error) {
    if (error.status !== 401) throw error;
    if (token) operator.close("expired");
  }
}

export async function leave() {
  if (operator.who?.by !== "cookie") {
    operator.close();
    return;
  }
  const provider = await signOut();
  if (session.byCookie) session.close(); // the shop's tabs are told so
  operator.close();
  if (provider) location.assign(provider);
}

// signInView asks who it is.
export function signInView(root, why = "") {
  const back = encodeURIComponent(location.pathname + location.hash); // to the same view
  const way = ["demo", "token"].find((name) => methods.includes(name));
  root.append(element("div", { class: "gate" }, element("h1", {}, text("admin.title")), element("p", { class: "muted" }, why || text("admin.for_operators")),
    methods.includes("oidc") ? element("a", { class: "button wide", href: `/sign-in?return=${back}` }, text("signin.oidc")) : "", way ? formOf(way) : ""));
  if (document.activeElement === document.body) root.querySelector("#who, .gate .button")?.focus();
}

// forbiddenView tells somebody who is signed in and no operator.
export function forbiddenView(root, away) {
  root.append(element("div", { class: "empty" }, element("h1", {}, text("admin.forbidden")),
    element("p", { class: "muted" }, text("admin.forbidden_words", { name: operator.who.name })), element("a", { class: "button", href: "/" }, text("admin.to_shop")),
    element("button", { type: "button", class: "quiet", click: away }, text("signin.out"))));
}

function formOf(way) {
  const demo = way === "demo";
  const input = element("input", { id: "who", type: demo ? "text" : "password", required: true, maxlength: demo ? 40 : 4096, autocomplete: "off", spellcheck: "false" });
  const result = element("p", { class: "result", role: "alert", "data-kind": "bad" });
  const button = element("button", { type: "submit", class: "wide" }, text("signin.go"));
  const submit = async (event) => {
    event.preventDefault();
    const given = input.value.trim();
    if (given === "" || button.disabled) return;
    button.disabled = true;
    try {
      const token = demo ? (await demoToken(subjectOf(given))).token : given;
      const who = await whoIs(token);
      if (who.roles.includes("admin")) operator.open(who, token);
      else result.textContent = text("admin.forbidden_words", { name: who.name });
    } catch (error) {
      result.textContent = error.status === 401 ? text("problem.bad_token") : problemWords(error);
    }
    button.disabled = false;
  };
  return element("form", { class: "sign-in-form", autocomplete: "off", submit }, element("label", { for: "who" }, text(demo ? "signin.name" : "signin.token")), input,
    element("p", { class: "hint" }, text(demo ? "admin.demo_hint" : "admin.token_hint")), result, button);
}
