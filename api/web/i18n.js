// The languages of the pages. To add a text: give it a key in en.json and in zh.json, then write text("the.key") in a script,
// or <p data-text="the.key"></p> in a page, whose script calls translate(document) once. An attribute is translated as
// data-text-ATTRIBUTE="the.key". {name} in a text is replaced by values.name, a number with its separators. A text that
// depends on a count is an object by plural rule: {"one": "{count} ticket", "other": "{count} tickets"}.
//
// The server makes catalogues.js of the two files, and admin_catalogues.js of what the console alone says: see isOfConsole in
// api/texts.go. A test holds the keys of both against each other and against their uses.

import { catalogues, problems } from "./catalogues.js";

const storageKey = "language";
const chosenForDays = 365;

// choose takes the language of the switch, which is kept in a cookie so that the server knows it too; or else the first of
// the browser's languages that there is.
function choose() {
  const kept = document.cookie.match(/(?:^|;\s*)language=(\w+)/)?.[1];
  const wanted = [kept, localStorage.getItem(storageKey), ...navigator.languages];
  return wanted.map((tag) => tag?.toLowerCase().split("-")[0]).find((base) => base in catalogues) || "en";
}

let language = choose();

// locale returns the language for Intl and for lang: of English the variety that the browser asks for.
export function locale() {
  if (language === "zh") return "zh-CN";
  return navigator.languages.find((tag) => tag.toLowerCase().startsWith("en")) || "en";
}

export const currentLanguage = () => language;

// setLanguage changes and keeps the language, and translates the document.
export function setLanguage(to) {
  language = to;
  localStorage.setItem(storageKey, to);
  document.cookie = `language=${to}; path=/; max-age=${chosenForDays * 86400}; samesite=lax`;
  translate(document);
}

export const hasText = (key) => key in catalogues[language];

// problemDetail says what the code of a problem means, or "" where the server's own words are of this language.
export const problemDetail = (code) => problems[language]?.[code]?.detail ?? "";

// text returns a text in the current language. A key that does not exist is returned as it is, and no test lets it pass.
export function text(key, values = {}) {
  let form = catalogues[language][key] ?? key;
  if (typeof form === "object") form = form[new Intl.PluralRules(locale()).select(values.count)] ?? form.other;
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? new Intl.NumberFormat(locale()).format(value) : value;
  });
}

// translate fills in whatever below root names its text, and says the document's language.
export function translate(root) {
  document.documentElement.lang = locale();
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const attribute of ["aria-label", "placeholder", "title", "alt"]) {
    for (const node of root.querySelectorAll(`[data-text-${attribute}]`)) {
      node.setAttribute(attribute, text(node.getAttribute(`data-text-${attribute}`)));
    }
  }
}
