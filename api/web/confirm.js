// A button that asks first, for what cannot be undone.

import { element, setText } from "./dom.js";

const confirmWait = 4000;
const doubleClick = 900;

// confirmButton calls confirmed at a second click that comes soon, but is not part of a double click.
export function confirmButton(className, words, question, confirmed) {
  let asked = -Infinity;
  const button = element("button", { type: "button", class: className, click }, words);
  function click() {
    const since = performance.now() - asked;
    if (since < doubleClick) return;
    if (since < confirmWait) {
      asked = -Infinity;
      setText(button, words);
      confirmed();
      return;
    }
    asked = performance.now();
    setText(button, question);
    setTimeout(() => { if (performance.now() - asked >= confirmWait) setText(button, words); }, confirmWait);
  }
  return button;
}
