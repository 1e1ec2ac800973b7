// The line on the page of an order that says where its tickets are sent, and lets the buyer say it. An office that sends
// nothing has no such line.

import { begun, dropBegun, keepBegun } from "./begun.js";
import { CallError, contact, forgetContact, setContact } from "./calls.js";
import { element, setText } from "./dom.js";
import { currentLanguage, text } from "./i18n.js";
import { tell } from "./news.js";
import { problemText } from "./problem.js";
import { session } from "./session.js";

const lookAgain = 5000; // while the office does not say

// contactLine returns the line's root, whether it asks, and how it is stopped. It shows itself once it knows what to say.
export function contactLine() {
  const typed = `contact:${session.buyer}`; // and not saved
  const words = element("p", { id: "contact-words", role: "status" });
  const email = element("input", { type: "email", id: "contact-email", autocomplete: "email", maxlength: 254 });
  const phone = element("input", { type: "tel", id: "contact-phone", autocomplete: "tel", maxlength: 24, placeholder: "+86..." });
  const save = element("button", { type: "submit", class: "quiet" }, text("contact.save"));
  const change = element("button", { type: "button", class: "quiet", click: () => edit(true) }, text("contact.change"));
  const forget = element("button", { type: "button", class: "quiet", click: () => act(forgetContact) }, text("contact.forget"));
  const fields = { mail: field(email, "contact.email"), sms: field(phone, "contact.phone") };
  const keep = () => keepBegun(typed, { email: email.value, phone: phone.value });
  const form = element("form", { class: "contact-form", submit: send, input: keep }, fields.mail, fields.sms, save);
  const known = element("div", { class: "actions" }, change, forget);
  const root = element("section", { class: "contact", "aria-labelledby": "contact-words", hidden: true }, words, form, known);
  let timer = 0;
  let stopped = false;
  let now = null;
  let asking = true;

  function show(answer) {
    now = answer;
    const { email: to, phone: number, channels } = answer;
    for (const [channel, part] of Object.entries(fields)) part.hidden = !channels.includes(channel);
    const before = begun(typed);
    email.value = before?.email ?? to ?? answer.suggested_email ?? "";
    phone.value = before?.phone ?? number ?? "";
    edit(before !== null || (!to && !number));
    showRoot();
  }

  // showRoot shows the line if it has something to say: what is known, or the question where one wants to be told.
  function showRoot() {
    root.hidden = stopped || !now || now.channels.length === 0 || (!asking && !now.email && !now.phone);
  }

  // ask says whether a buyer of whom no contact is known is asked for one.
  function ask(wanted) {
    asking = wanted;
    showRoot();
  }

  function edit(editing) {
    const { email: to, phone: number } = now;
    setText(words, editing ? text("contact.ask") : text("contact.known", { to: [to, number].filter(Boolean).join(", ") }));
    form.hidden = !editing;
    known.hidden = editing;
  }

  // act does something, and shows what is known then. A refusal stays on the page until the next try.
  async function act(what) {
    for (const button of [save, change, forget]) button.disabled = true;
    try {
      await what();
      dropBegun(typed);
      show(await contact());
      tell("");
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      tell(error.status === 422 ? text("contact.invalid") : problemText(error), { kind: "bad" });
    }
    for (const button of [save, change, forget]) button.disabled = false;
  }

  function send(event) {
    event.preventDefault();
    const body = { email: email.value.trim(), phone: phone.value.replace(/[\s()-]/g, ""), language: currentLanguage() };
    act(() => (body.email || body.phone ? setContact(body) : forgetContact()));
  }

  async function look() {
    try {
      const answer = await contact();
      if (!stopped) show(answer);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.retryable && !stopped) timer = setTimeout(look, lookAgain);
    }
  }

  if (document.body.dataset.notify === "yes") look();
  return { root, ask, stop: () => { stopped = true; clearTimeout(timer); } };
}

const field = (input, key) => element("label", {}, element("span", {}, text(key)), input);
