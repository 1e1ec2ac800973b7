// The picture of a screening: its poster, or else the letters of its title on a colour of its own.

import { element } from "./dom.js";

// poster makes the picture. It says nothing that the title beside it does not, so a screen reader leaves it out.
export function poster(screening, className) {
  const root = element("div", { class: `poster ${className}`, "aria-hidden": "true" });
  root.style.setProperty("--hue", hueOf(screening.movie));
  root.append(element("span", { class: "letters" }, lettersOf(screening.movie)));
  if (screening.poster_url?.startsWith("https://")) {
    const image = element("img", { src: screening.poster_url, alt: "", loading: "lazy", error: () => image.remove() });
    root.append(image);
  }
  return root;
}

// hueOf is the colour of a title. It spreads titles over the colours: the golden angle keeps those apart that differ by little.
export function hueOf(title) {
  let sum = 0;
  for (const c of title) sum = (sum * 31 + c.codePointAt(0)) % 10_007;
  return Math.round(sum * 137.508) % 360;
}

// lettersOf takes the first letters of two words, or the first character of a script that has no spaces.
function lettersOf(title) {
  const words = title.trim().split(/\s+/).map((word) => [...word][0] || "");
  const [first] = words;
  return /^\p{Script=Latin}/u.test(first) && words.length > 1 ? first + words[1] : first;
}
