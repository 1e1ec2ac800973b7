// Which view of the console an address is: #/orders/ID shows one order. Anything else is the first view.

import { tell } from "./news.js";

let current = { stop() {} };

// startViews shows the view of the address, and again whenever that changes. A view is view(root, ids) and returns {stop}.
// It returns a function that shows the view anew.
export function startViews(root, routes) {
  const show = () => {
    if (location.hash !== "" && !location.hash.startsWith("#/")) return; // a jump within the page
    const path = location.hash.slice(1) || "/screenings";
    const route = routes.find(({ pattern }) => pattern.test(path)) ?? routes[0];
    current.stop();
    root.replaceChildren();
    current = route.view(root, (path.match(route.pattern) ?? []).slice(1).map(decode));
    for (const link of document.querySelectorAll('#views a[href^="#"]')) {
      if (path.startsWith(link.hash.slice(1))) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  window.addEventListener("hashchange", () => {
    tell(""); // it was about what one looks at no more
    show();
    scrollTo(0, 0);
    const heading = root.querySelector("h1");
    if (heading) heading.tabIndex = -1;
    heading?.focus({ preventScroll: true }); // tells a screen reader that this is another view
  });
  show();
  return show;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
