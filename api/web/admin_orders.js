// The view #/orders: search of orders of all buyers, and their export. The search stands in the address, so that it can be
// gone back to, kept and passed on.

import { download, list, query } from "./admin_calls.js";
import { separated } from "./admin_money_words.js";
import { badge, button, choice, exactTime, field, heading, link, loaded, person, problemWords, resultsOf, row, rows, wordOf } from "./admin_parts.js";
import { screeningLink } from "./admin_titles.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { text } from "./i18n.js";
import { searchedSubject } from "./signin.js";

const states = ["reserved", "pending_payment", "paid", "cancelled"];
const emptyPagesMax = 20; // of a search for a state that walks past others

export function ordersView(root, [asked]) {
  const given = new URLSearchParams(asked ?? "");
  const typed = (name) => element("input", { type: "search", maxlength: 255, autocomplete: "off", spellcheck: "false", value: given.get(name) ?? "" });
  const inputs = {
    buyer: typed("buyer"), id: typed("id"), payment: typed("payment"), screening: typed("screening"),
    state: choice([["", text("admin.any_state")], ...states.map((state) => [state, text(`orderstate.${state}`)])], given.get("state") ?? ""),
  };
  const values = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
  const search = (event) => {
    event.preventDefault();
    const address = `#/orders${query(values())}`;
    if (location.hash === address) again();
    else location.hash = address;
  };
  const saved = element("p", { class: "result", role: "status" });
  const save = button(text("admin.export"), async () => {
    if (save.disabled) return;
    save.disabled = true;
    saved.dataset.kind = "wait";
    saved.textContent = text("admin.exporting");
    try {
      const { screening, state } = values();
      const day = new Date().toISOString().slice(0, 10);
      await download(`/v1/admin/orders.csv${query({ screening, state, bom: true })}`, `orders-${day}.csv`);
      saved.textContent = "";
    } catch (error) {
      saved.dataset.kind = "bad";
      saved.textContent = problemWords(error);
    } finally {
      save.disabled = false;
    }
  });
  save.id = "export";
  save.title = text("admin.export_hint");
  let seen = { items: [], next: "" }; // another object for each search: an answer that comes too late adds to none that is shown
  const found = loaded(async () => {
    const mine = seen;
    for (let page = 0, before = mine.items.length; page < emptyPagesMax; page++) {
      const { buyer, ...others } = values();
      const answer = await list("/v1/admin/orders", { ...others, buyer: searchedSubject(buyer), cursor: mine.next });
      mine.items.push(...answer.items);
      mine.next = answer.next;
      if (!mine.next || mine.items.length > before) break;
    }
    const more = button(text("more"), () => { more.disabled = true; found.reload(); }, "quiet wide");
    return [rows(mine.items, orderRow, text("admin.no_orders")), ...(mine.next ? [more] : [])];
  });
  function again() {
    seen = { items: [], next: "" };
    found.reload();
  }
  root.append(heading(text("admin.orders"), save), saved,
    element("form", { class: "filter", role: "search", submit: search }, ...Object.entries(inputs).map(([name, input]) => field(`q-${name}`, text(`find.${name}`), input)),
      element("button", { type: "submit" }, text("admin.search"))), resultsOf(text("admin.orders"), found.root));
  return { stop: found.stop };
}

// orderRow is one order in a list.
function orderRow(order) {
  const made = row({
    title: link(`#/orders/${encodeURIComponent(order.id)}`, order.id),
    state: stateBadge(order),
    known: [
      [text("find.buyer"), person(order.buyer_id)], [text("find.screening"), screeningLink(order.screening_id)],
      [text("admin.tickets"), number(order.quantity)], [text("field.amount"), separated(order.amount.amount, order.amount.currency)],
      [text("admin.bought"), exactTime(order.created_at)],
    ],
  });
  made.dataset.id = order.id;
  return made;
}

// stateBadge is how an order stands, with the reason for which it was cancelled.
export function stateBadge({ status, cancel_reason: cause }) {
  const words = text(`orderstate.${status}`);
  return badge(cause ? `${words}: ${wordOf(`cause.${cause}`, cause)}` : words, { paid: "good", cancelled: "muted" }[status] ?? "wait");
}
