// The button that switches the language. Every page has one, hidden until it has its name:
// <button id="language" class="quiet" hidden></button>.

import { currentLanguage, setLanguage } from "./i18n.js";

const names = { en: "English", zh: "\u4e2d\u6587" };
const tags = { en: "en", zh: "zh-CN" };

// showLanguage names the other language on the button, in that language. done is called after a switch.
export function showLanguage(done = () => {}) {
  const other = currentLanguage() === "zh" ? "en" : "zh";
  const button = document.getElementById("language");
  button.lang = tags[other];
  button.textContent = names[other];
  button.onclick = () => {
    setLanguage(other);
    showLanguage(done);
    done();
  };
  button.hidden = false;
}
