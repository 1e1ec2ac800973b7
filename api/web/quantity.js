// How many tickets: one tap for each number, arrows on a keyboard.

import { begun, keepBegun } from "./begun.js";
import { element } from "./dom.js";
import { number } from "./format.js";
import { text } from "./i18n.js";

const most = 10;

export const quantityOf = (id) => `quantity:${id}`; // under which a choice is kept

// quantityChoice chooses for the screening of that id. It begins with what was chosen before and not bought.
export function quantityChoice(id, onChange) {
  const change = () => {
    keepBegun(quantityOf(id), value());
    onChange();
  };
  const root = element("fieldset", { class: "quantity", change }, element("legend", {}, text("screening.quantity")));
  let offered = 0;
  const value = () => Number(root.querySelector("input:checked")?.value) || 1;
  return {
    root,
    value,
    disable(disabled) { root.disabled = disabled; },
    // offer offers as many as one buyer may have (0 is no limit) and as there are. What is chosen stays, as far as it is offered, and
    // comes back when more are.
    offer(limit, available) {
      const count = Math.min(most, limit || most, Math.max(1, available));
      if (count === offered) return;
      const chosen = Math.min(Number(begun(quantityOf(id))) || value(), count);
      const focused = root.contains(document.activeElement);
      for (const choice of root.querySelectorAll("label")) choice.remove();
      for (let n = 1; n <= count; n++) {
        const input = element("input", { type: "radio", name: "quantity", value: n });
        input.checked = n === chosen;
        root.append(element("label", {}, input, element("span", {}, number(n))));
        if (focused && n === chosen) input.focus();
      }
      offered = count;
      onChange();
    },
  };
}
