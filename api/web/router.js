// One document shows every page of the shop: a link changes the address and the view, so that the page lives on while the
// server does not answer. Every address can also be opened as it is, reloaded, and gone back to.

import { tell } from "./news.js";

const scrolls = new Map(); // how far each entry of the history is scrolled
let routes = [];
let root = null;
let current = { stop() {} };
let entry = history.state?.entry ?? newEntry();

function newEntry() {
  return `${Date.now()}-${Math.random()}`;
}

// startRouter shows the view of the address. A route is {pattern, view}: view(root, ids, arrival) fills the root in, and
// returns {stop} and perhaps more. The arrival is what go was given; after a reload or going back there is none.
export function startRouter(rootElement, list) {
  root = rootElement;
  routes = list;
  history.scrollRestoration = "manual";
  history.replaceState({ entry }, "");
  document.addEventListener("click", followLink);
  document.addEventListener("scroll", () => scrolls.set(entry, scrollY), { passive: true });
  window.addEventListener("popstate", ({ state }) => {
    if (!state?.entry) return; // a jump to an anchor within the page
    entry = state.entry;
    tell("");
    show({});
    scrollTo(0, scrolls.get(entry) || 0);
    focusHeading();
  });
  show({});
}

// go opens an address of the shop. With replace, the address that is left is not gone back to.
export function go(path, arrival = {}, { replace = false } = {}) {
  const changes = path !== location.pathname + location.search;
  entry = newEntry();
  history[replace || !changes ? "replaceState" : "pushState"]({ entry }, "", path);
  tell(""); // it was about what one looks at no more
  show(arrival);
  scrollTo(0, 0);
  focusHeading();
}

// refresh shows the view of the address anew, as after signing in.
export function refresh() {
  const y = scrollY;
  show({});
  scrollTo(0, y);
}

export function setTitle(title) {
  document.title = title;
}

const routeOf = (path) => routes.find((route) => route.pattern.test(path));

function show(arrival) {
  current.stop();
  root.replaceChildren();
  const route = routeOf(location.pathname) || routes.at(-1);
  const ids = (location.pathname.match(route.pattern) || []).slice(1).map(decodeURIComponent);
  current = route.view(root, ids, arrival);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// focusHeading tells a screen reader that this is another page.
function focusHeading() {
  const heading = root.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function followLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.origin !== location.origin || link.hash || !routeOf(link.pathname)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
