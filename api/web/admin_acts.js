// The view #/acts: what operators have done, the latest first.

import { list, query } from "./admin_calls.js";
import { button, field, heading, loaded, resultsOf, rows } from "./admin_parts.js";
import { actRow } from "./admin_records.js";
import { element } from "./dom.js";
import { text } from "./i18n.js";
import { searchedSubject } from "./signin.js";

export function actsView(root, [asked]) {
  const given = new URLSearchParams(asked ?? "");
  const search = (name) => element("input", { type: "search", maxlength: 255, autocomplete: "off", spellcheck: "false", value: given.get(name) ?? "" });
  const actor = search("actor"), subject = search("subject");
  const values = () => ({ actor: actor.value.trim(), subject: subject.value.trim() });
  let pages = 1;
  const found = loaded(async () => {
    const { items, next } = await list("/v1/admin/acts", { ...values(), actor: searchedSubject(values().actor) }, pages);
    return [rows(items, actRow, text("admin.no_acts")), ...(next ? [button(text("more"), () => { pages++; found.reload(); }, "quiet wide")] : [])];
  });
  const submit = (event) => {
    event.preventDefault();
    const address = `#/acts${query(values())}`;
    if (location.hash === address) found.reload();
    else location.hash = address;
  };
  root.append(heading(text("admin.acts")), element("form", { class: "filter", role: "search", submit }, field("q-actor", text("admin.actor"), actor),
    field("q-subject", text("admin.subject"), subject), element("button", { type: "submit" }, text("admin.search"))), resultsOf(text("admin.acts"), found.root));
  return { stop: found.stop };
}
