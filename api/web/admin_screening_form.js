// The form of a screening, to add one and to change one. A change sends only what differs.

import { patch, pathOf, post } from "./admin_calls.js";
import { draftOf, draftPart } from "./admin_draft.js";
import { amountWords, toMajor, toMinor } from "./admin_money_words.js";
import { button, choice, field, problemWords } from "./admin_parts.js";
import { seenPart } from "./admin_seen.js";
import { isPast } from "./clock.js";
import { element, setText } from "./dom.js";
import { longTime } from "./format.js";
import { text } from "./i18n.js";

const input = (type, more = {}) => element("input", { type, autocomplete: "off", ...more });

// localTime is a time as a field of the browser has it, in its zone.
function localTime(time) {
  const at = new Date(time);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
const givenTime = (typed) => new Date(typed).toISOString();

const bytesOf = (typed) => new TextEncoder().encode(typed).length;

// lookAtLengths has the browser refuse what is longer than the API takes. That counts bytes, of which a Chinese character has
// three, and the browser's own limit counts characters.
function lookAtLengths(all) {
  for (const { input: field, most } of Object.values(all)) {
    if (most) field.setCustomValidity(bytesOf(field.value.trim()) > most ? text("admin.too_long", { most, typed: bytesOf(field.value.trim()) }) : "");
  }
}

// parts are the fields: the input, how a screening fills it in, what it says to the API, and how many bytes that has at most.
function parts() {
  const plain = { show: String, read: (typed) => typed.trim() };
  const long = (most, made) => ({ ...plain, most, input: made });
  const count = { show: String, read: Number };
  const time = { show: localTime, read: givenTime };
  const when = () => input("datetime-local", { required: true, step: 1 });
  return {
    movie: long(255, input("text", { required: true, maxlength: 255 })),
    venue: long(255, input("text", { required: true, maxlength: 255 })),
    starts_at: { ...time, input: when() },
    sale_opens_at: { ...time, input: when() },
    sale_closes_at: { ...time, input: when() },
    capacity: { ...count, input: input("number", { required: true, min: 1, max: 100_000_000, inputmode: "numeric" }) },
    per_user_limit: { ...count, input: input("number", { required: true, min: 0, max: 100_000_000, value: 0, inputmode: "numeric" }) },
    late_payment: { ...plain, input: choice([["refund", text("admin.late_refund")], ["revive", text("admin.late_revive")]], "refund") },
    description: long(4000, element("textarea", { rows: 4, maxlength: 4000 })),
    poster_url: { ...plain, input: input("url", { maxlength: 1000, pattern: "https:.+" }) },
    map_url: { ...plain, input: input("url", { maxlength: 1000, pattern: "https:.+" }) },
  };
}

// hasDraft tells whether a form was begun to be filled in, for a screening or for a new one.
export const hasDraft = (found) => draftOf(nameOf(found)) !== null;
const nameOf = (found) => found?.id ?? "new";

// doubtOf says what is odd about when a screening begins, or "": a wrong year would put it where nobody looks for it.
function doubtOf(begins, opens) {
  if (Number.isNaN(Date.parse(begins))) return "";
  const time = longTime(givenTime(begins));
  if (isPast(givenTime(begins))) return text("admin.begins_past", { time });
  return opens !== "" && begins <= opens ? text("admin.begins_early", { time }) : "";
}

// doubtPart is a box that must be ticked while something is odd, and not there otherwise. What is already so is not asked about.
function doubtPart({ starts_at: begins, sale_opens_at: opens }) {
  const box = element("input", { id: "f-sure", type: "checkbox" });
  const words = element("span");
  const root = element("div", { class: "doubt", role: "status", hidden: true }, element("label", { class: "switch" }, box, words));
  const known = begins.input.value + opens.input.value;
  return {
    root,
    look() {
      const [at, from] = [begins.input.value, opens.input.value];
      const doubt = at + from === known ? "" : doubtOf(at, from);
      if (words.textContent !== doubt) box.checked = false;
      setText(words, doubt);
      root.hidden = doubt === "";
      box.required = doubt !== "";
    },
  };
}

// screeningForm makes the form; found is the screening to change, or null for a new one. done gets what the API answers. It
// begins with what was filled in before, if that was neither sent nor left.
export function screeningForm(found, { done, leave }) {
  const all = parts();
  const amount = input("text", { required: true, inputmode: "decimal", maxlength: 16 });
  const currency = input("text", { required: true, maxlength: 3, pattern: "[A-Za-z]{3}", class: "capitals", value: "CNY" });
  const currencyOf = () => currency.value.toUpperCase(); // as it is shown
  const note = input("text", { maxlength: 1000 }); // one line, as the record has it
  if (found) {
    for (const [name, part] of Object.entries(all)) part.input.value = part.show(found[name]);
    amount.value = toMajor(found.price);
    currency.value = found.price.currency;
  }
  const shown = Object.fromEntries(Object.entries(all).map(([name, part]) => [name, part.input.value]));
  const doubt = doubtPart(all);
  const draft = draftPart(nameOf(found), { ...Object.fromEntries(Object.entries(all).map(([name, part]) => [name, part.input])), amount, currency, note }, found);
  const seen = found && seenPart(draft.since);
  doubt.look();
  lookAtLengths(all);
  const result = element("p", { class: "result", role: "alert", "data-kind": "bad" });
  const send = element("button", { type: "submit" }, text(found ? "admin.save" : "admin.create"));

  function body() {
    const given = {};
    for (const [name, part] of Object.entries(all)) {
      if (found ? part.input.value !== shown[name] : part.input.value !== "") given[name] = part.read(part.input.value);
    }
    const minor = toMinor(amount.value, currencyOf());
    if (minor === null) throw new RangeError(amountWords(currencyOf()));
    if (!found || minor !== found.price.amount || currencyOf() !== found.price.currency) given.price = { amount: minor, currency: currencyOf() };
    if (found && Object.keys(given).length === 0) throw new RangeError(text("admin.unchanged"));
    if (note.value.trim()) given.note = note.value.trim();
    return given;
  }
  const submit = async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    result.textContent = "";
    try {
      const given = body();
      await seen?.unlessChanged(given);
      const answer = found ? await patch(`/v1/screenings/${pathOf(found.id)}`, given) : await post("/v1/screenings", given);
      draft.drop();
      done(answer);
    } catch (error) {
      if (error instanceof RangeError) result.textContent = error.message;
      else if (!found && error.status === 0) result.textContent = text("admin.create_unknown");
      else result.textContent = problemWords(error);
      send.disabled = false;
    }
  };
  const labelled = (name, hint = null) => field(`f-${name}`, text(`field.${name}`), all[name].input, hint);
  const changed = () => { doubt.look(); lookAtLengths(all); draft.keep(); };
  return element("form", { class: "screening-form", autocomplete: "off", submit, input: changed },
    labelled("movie"), labelled("venue"), labelled("starts_at"), doubt.root,
    element("div", { class: "pair" }, labelled("sale_opens_at"), labelled("sale_closes_at")),
    element("p", { class: "hint" }, text("admin.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })),
    element("div", { class: "pair" }, field("f-amount", text("field.price"), amount), field("f-currency", text("field.currency"), currency)),
    element("div", { class: "pair" }, labelled("capacity"), labelled("per_user_limit", text("admin.limit_hint"))),
    labelled("late_payment"), labelled("description"), labelled("poster_url"), labelled("map_url"),
    field("f-note", text("admin.note_optional"), note), result,
    element("div", { class: "actions" }, send, button(text("admin.leave"), () => { draft.drop(); leave(); })));
}
