// The dialog in which an operator confirms an act, and says why. What is asked for once is done once: while a call is under
// way nothing can be pressed, and a call that failed is sent again as the same, also when a session has ended in between.

import { draftPart } from "./admin_draft.js";
import { field, problemWords } from "./admin_parts.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";
import { newKey } from "./key.js";
import { tell } from "./news.js";

const noteMax = 1000;

// askFor opens the dialog and calls act with what was filled in: its note, the values of fields, each {id, label, input, hint}, and
// a key for calls that need one. An act that cannot be undone has typed, words that must be typed in. about is the name of what is
// acted on, and done is called after the act. What was filled in is kept by the name draft until the act is done or left.
export function askFor({ draft, title, about = "", words = "", note = "required", fields = [], typed = "", go = title, done = () => {}, act }) {
  document.getElementById("ask")?.remove();
  const why = element("input", { type: "text", maxlength: noteMax, autocomplete: "off", required: note === "required" }); // one line, as the record has it
  const proof = element("input", { type: "text", autocomplete: "off", spellcheck: "false", required: true });
  const result = element("p", { class: "result", role: "alert", "data-kind": "bad" });
  const send = element("button", { type: "submit" }, go);
  const key = { value: "" };
  const kept = draftPart(`ask:${draft}`, { ...Object.fromEntries(fields.map(({ id, input }) => [id, input])), note: why, key });
  key.value ||= newKey();
  const leave = element("button", { type: "button", class: "quiet", click: () => { kept.drop(); dialog.close(); } }, text("admin.leave"));
  let working = false;
  const submit = async (event) => {
    event.preventDefault();
    if (working) return;
    if (typed && proof.value.trim() !== typed.trim()) {
      result.textContent = text("admin.typed_wrong");
      proof.focus();
      return;
    }
    working = send.disabled = leave.disabled = true;
    result.textContent = "";
    try {
      const values = Object.fromEntries(fields.map(({ id, input }) => [id, input.value.trim()]));
      const answer = await act({ ...values, note: why.value.trim(), key: key.value });
      kept.drop();
      dialog.close();
      tell(about ? text("admin.done_to", { what: title, title: about }) : text("admin.done", { what: title }), { kind: "good" });
      done(answer);
    } catch (error) {
      result.textContent = error instanceof RangeError ? error.message : problemWords(error);
    } finally {
      working = send.disabled = leave.disabled = false;
    }
  };
  const cancel = (event) => {
    if (working) event.preventDefault();
    else kept.drop();
  };
  const dialog = element("dialog", { id: "ask", class: "dialog", "aria-labelledby": "ask-title", cancel },
    element("h2", { id: "ask-title" }, title), words ? element("p", {}, words) : null,
    element("form", { class: "ask", autocomplete: "off", submit, input: kept.keep },
      ...fields.map(({ id, label, input, hint }) => field(`ask-${id}`, label, input, hint)),
      note === "none" ? null : field("ask-note", text(note === "required" ? "admin.note" : "admin.note_optional"), why),
      typed ? field("ask-typed", text("admin.type_title", { title: typed }), proof) : null,
      result, element("div", { class: "actions" }, send, leave)));
  const closed = new AbortController();
  window.addEventListener("hashchange", () => { if (!working) dialog.close(); }, { signal: closed.signal }); // the act was about another view
  dialog.addEventListener("close", () => { closed.abort(); dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
}
