// With which provider to pay. Who has only one is not asked.

import { element } from "./dom.js";
import { hasText, text } from "./i18n.js";

const nameOf = (provider) => (hasText(`provider.${provider}`) ? text(`provider.${provider}`) : provider);

export function providerChoice() {
  const root = element("fieldset", { class: "providers", hidden: true }, element("legend", {}, text("pay.with")));
  let names = null;
  return {
    root,
    offered: () => names !== null,
    count: () => names?.length ?? 0,
    value: () => root.querySelector("input:checked")?.value ?? names?.[0],
    offer(list) {
      if (names) return;
      names = list;
      list.forEach((name, place) => {
        const input = element("input", { type: "radio", name: "provider", value: name, checked: place === 0 });
        root.append(element("label", {}, input, element("span", {}, nameOf(name))));
      });
    },
  };
}
