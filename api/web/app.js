// The shop in a browser: what stands around every page, and which page an address is.

import { dropBegun } from "./begun.js";
import { element, setText } from "./dom.js";
import { homeView } from "./home.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { onLink } from "./live.js";
import { missingView } from "./missing.js";
import { answered, tell } from "./news.js";
import { orderView } from "./order.js";
import { ordersView } from "./orders.js";
import { problemText } from "./problem.js";
import * as purchases from "./purchases.js";
import { quantityOf } from "./quantity.js";
import { go, refresh, startRouter } from "./router.js";
import { screeningView } from "./screening.js";
import { session } from "./session.js";
import { signIn, signOut, start as startSignIn } from "./signin.js";
import { noteWaiting, showWaiting } from "./waiting.js";

const $ = (id) => document.getElementById(id);
const note = (words, kind, link) => tell(words, { kind, link });

function showAccount() {
  const place = $("account");
  const button = (id, words, click) => element("button", { type: "button", class: "quiet", id, click }, words);
  if (!session.signedIn) {
    place.replaceChildren(button("sign-in-button", text("signin.title"), () => signIn()));
    return;
  }
  const leave = async () => {
    try {
      await signOut();
    } catch (error) {
      note(problemText(error), "bad");
    }
  };
  place.replaceChildren(element("span", { id: "buyer", class: "buyer" }, session.name), button("sign-out", text("signin.out"), leave));
}

// A purchase ends in its order, wherever in the page the buyer is by then; only another page is not taken away.
purchases.onPurchase((screening, order) => {
  const here = location.pathname === `/s/${encodeURIComponent(screening)}`;
  if (order) {
    dropBegun(quantityOf(screening));
    noteWaiting(order);
  }
  if (order && here) go(`/o/${encodeURIComponent(order.id)}`, { order, bought: true });
  else if (order) note(text("buy.done", { count: order.quantity }), "good", { href: `/o/${encodeURIComponent(order.id)}`, words: text("buy.to_order") });
  const { working, error } = purchases.stateOf(screening);
  if (!here && !working && error) note(problemText(error), "bad");
});

session.onChange((reason) => {
  showAccount();
  if (reason === "expired") {
    note(text("signin.expired"), "bad");
    signIn(text("signin.expired"));
  } else {
    note("");
    $("sign-in")?.close(session.signedIn ? "yes" : "");
  }
  refresh();
  if (session.signedIn) purchases.resume();
});

onLink((up) => {
  if (up) answered();
  document.documentElement.dataset.link = up ? "live" : "waiting";
  $("link").hidden = up;
  setText($("link"), up ? "" : text("link.lost"));
});

translate(document);
showAccount();
showLanguage(() => {
  showAccount();
  refresh();
});
startRouter($("main"), [
  { pattern: /^\/$/, view: homeView },
  { pattern: /^\/s\/([A-Za-z0-9_-]{1,64})$/, view: screeningView },
  { pattern: /^\/o\/([A-Za-z0-9_-]{1,64})$/, view: orderView },
  { pattern: /^\/orders$/, view: ordersView },
  { pattern: /^(?!)/, view: (root) => missingView(root) }, // of no address: for whatever else
]);
showWaiting($("waiting"));
startSignIn().then(() => { document.documentElement.dataset.signIn = "known"; });
if (session.signedIn) purchases.resume();
