// Failed calls in words of the current language, by the code of the problem.

import { currentLanguage, hasText, text } from "./i18n.js";

export function problemText(error) {
  const key = `problem.${error.code}`;
  if (hasText(key)) return text(key);
  return currentLanguage() === "en" ? error.message : text("problem.other", { detail: error.message });
}
