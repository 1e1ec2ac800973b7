// With which provider to pay. Who has only one is not asked.

import { begun, keepBegun } from "./begun.js";
import { element } from "./dom.js";
import { hasText, text } from "./i18n.js";

const chosenBefore = "provider";
const nameOf = (provider) => (hasText(`provider.${provider}`) ? text(`provider.${provider}`) : provider);

export function providerChoice() {
  const root = element("fieldset", { class: "providers", hidden: true, change: () => keepBegun(chosenBefore, value()) }, element("legend", {}, text("pay.with")));
  let names = null;
  const value = () => root.querySelector("input:checked")?.value ?? names?.[0];
  return {
    root,
    offered: () => names !== null,
    count: () => names?.length ?? 0,
    value,
    offer(list) {
      if (names) return;
      names = list;
      const chosen = list.includes(begun(chosenBefore)) ? begun(chosenBefore) : list[0];
      list.forEach((name) => {
        const input = element("input", { type: "radio", name: "provider", value: name, checked: name === chosen });
        root.append(element("label", {}, input, element("span", {}, nameOf(name))));
      });
    },
  };
}
