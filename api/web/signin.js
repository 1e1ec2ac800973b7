// The dialog in which one signs in: by a name in the demo, by the office's identity provider, or by a bearer token.

import * as calls from "./calls.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";
import { problemText } from "./problem.js";
import { session } from "./session.js";

const subjectMax = 128; // characters of a buyer's id

let methods = null; // "demo", "oidc", "token"

// start learns how one signs in here, and who is signed in by a cookie. An office that does not say has the demo's way or
// tokens.
export async function start() {
  try {
    methods = await calls.signInMethods();
    if (methods.includes("oidc") && !session.token) await readCookieSession();
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    if (error.status === 404) methods = fallback();
  }
}

const fallback = () => [document.body.dataset.demo === "yes" ? "demo" : "token"];

async function readCookieSession() {
  try {
    const { subject, name } = await calls.me();
    if (!session.byCookie || session.buyer !== subject) session.open("cookie", { subject, name });
  } catch (error) {
    if (error.status !== 401) throw error;
    if (session.byCookie) session.close("expired");
  }
}

// signOut ends the sign-in here, in all tabs, and then that at the identity provider, if it can be ended from here.
export async function signOut() {
  const provider = session.byCookie ? await calls.signOut() : "";
  session.close();
  if (provider) location.assign(provider);
}

// subjectOf makes a buyer's id of a name: what is not printable ASCII is percent-encoded, so that people of all scripts can
// try the demo.
export function subjectOf(name) {
  return name.normalize("NFC").replace(/[^ -~]|%/gu, (c) => (c === "%" ? "%25" : encodeURIComponent(c)));
}

// nameOf is the way back. An id that was made otherwise, or whose letters would mislead a reader, is its own name.
export function nameOf(subject) {
  try {
    const name = decodeURIComponent(subject);
    const misleads = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(name);
    return subjectOf(name) === subject && !misleads ? name : subject;
  } catch {
    return subject;
  }
}

// searchedSubject is the id that is meant by what was typed, the id or the name that is shown for it. A percent sign alone tells
// them apart in the demo, whose ids are all made of names.
export function searchedSubject(typed) {
  const isName = /[^ -~]/u.test(typed) || (document.body.dataset.demo === "yes" && typed.includes("%") && nameOf(typed) === typed);
  return isName ? subjectOf(typed) : typed;
}

// subjectOfToken returns the subject of a token, to be shown only: the page does not verify tokens.
function subjectOfToken(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).sub || "?";
  } catch {
    return "?";
  }
}

const ways = {
  demo: {
    field: () => element("input", {
      id: "who", name: "who", type: "text", required: true, autofocus: true, maxlength: 40, autocomplete: "nickname", spellcheck: "false", value: session.name,
    }),
    label: "signin.name",
    hint: "signin.name_hint",
    async open(given) {
      const subject = subjectOf(given);
      if (subject.length > subjectMax) throw new calls.CallError(422, { code: "name_too_long" });
      session.open("token", { subject, name: nameOf(subject), token: (await calls.demoToken(subject)).token });
    },
  },
  token: {
    field: () => element("input", { id: "who", name: "who", type: "password", required: true, autofocus: true, maxlength: 4096, autocomplete: "off", spellcheck: "false" }),
    label: "signin.token",
    hint: "signin.token_hint",
    async open(given) {
      try {
        await calls.tryToken(given);
      } catch (error) {
        if (error.status === 401) throw new calls.CallError(401, { code: "bad_token" });
        if (error.status !== 403) throw error; // a token of another role is valid, too
      }
      session.open("token", { subject: subjectOfToken(given), token: given });
    },
  },
};

// signIn asks who buys, with the reason why it asks, and resolves to whether somebody has signed in.
export function signIn(why = "") {
  document.getElementById("sign-in")?.remove();
  const dialog = element("dialog", { id: "sign-in", class: "dialog", "aria-labelledby": "sign-in-title" });
  const close = element("button", { type: "button", class: "close", "aria-label": text("close"), click: () => dialog.close() }, "\u00d7");
  dialog.append(close, element("h2", { id: "sign-in-title" }, text("signin.title")), element("p", { class: "muted", hidden: why === "" }, why));
  const list = methods || fallback();
  if (list.includes("oidc")) {
    const back = encodeURIComponent(location.pathname + location.search);
    dialog.append(element("a", { class: "button wide", autofocus: true, href: `/sign-in?return=${back}` }, text("signin.oidc")));
  }
  const name = ["demo", "token"].find((way) => list.includes(way));
  if (name) dialog.append(formOf(ways[name], () => dialog.close("yes")));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function formOf(way, done) {
  const field = way.field();
  const result = element("p", { class: "result", role: "status", "data-kind": "bad" });
  const button = element("button", { type: "submit", class: "wide" }, text("signin.go"));
  const submit = async (event) => {
    event.preventDefault();
    const given = field.value.trim();
    if (given === "" || button.disabled) return;
    button.disabled = true;
    try {
      await way.open(given);
      done();
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      result.textContent = problemText(error);
    }
    button.disabled = false;
  };
  return element("form", { class: "sign-in-form", autocomplete: "off", submit },
    element("label", { for: "who" }, text(way.label)), field, element("p", { class: "hint" }, text(way.hint)), result, button);
}
