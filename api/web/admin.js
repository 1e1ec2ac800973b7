// The operators' console in a browser: what stands around every view, and which view an address is.

import "./admin_catalogues.js"; // before whatever shows a text
import { actsView } from "./admin_acts.js";
import { moneyView } from "./admin_money.js";
import { orderView } from "./admin_order.js";
import { ordersView } from "./admin_orders.js";
import { failure } from "./admin_parts.js";
import { startViews } from "./admin_router.js";
import { screeningView } from "./admin_screening.js";
import { screeningsView } from "./admin_screenings.js";
import { operator } from "./admin_session.js";
import { forbiddenView, leave, signInView, start } from "./admin_signin.js";
import { troubleView } from "./admin_trouble.js";
import { CallError } from "./calls.js";
import { element, setText } from "./dom.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { onLink } from "./live.js";
import { tell } from "./news.js";

const retryWait = 3000;
const $ = (id) => document.getElementById(id);
let why = ""; // why it is asked who it is
let known = false; // whether it is known who it is

// allowed shows a view to operators only.
const allowed = (view) => (root, ids) => {
  document.title = `${text("admin.title")} - boxoffice`;
  delete root.dataset.status;
  delete root.dataset.state;
  if (!known) root.append(element("p", { class: "muted" }, text("loading")));
  else if (!operator.who) signInView(root, why);
  else if (!operator.isAdmin) forbiddenView(root, away);
  else return view(root, ids);
  return { stop() {} };
};

const away = async () => {
  try {
    await leave();
  } catch (error) {
    $("main").append(failure(error));
  }
};

function showAccount() {
  $("views").hidden = !operator.isAdmin;
  $("account").replaceChildren(...(operator.isAdmin ? [element("span", { id: "operator", class: "buyer" }, operator.who.name),
    element("button", { type: "button", class: "quiet", id: "sign-out", click: away }, text("signin.out"))] : []));
}

onLink((up) => {
  document.documentElement.dataset.link = up ? "live" : "waiting";
  $("link").hidden = up;
  setText($("link"), up ? "" : text("link.lost"));
});
translate(document);
const show = startViews($("main"), [
  { pattern: /^\/screenings$/, view: allowed(screeningsView) },
  { pattern: /^\/screenings\/([^/?]+)$/, view: allowed(screeningView) },
  { pattern: /^\/orders(?:\?(.*))?$/, view: allowed((root, ids) => ordersView(root, ids)) },
  { pattern: /^\/orders\/([^/?]+)$/, view: allowed(orderView) },
  { pattern: /^\/money$/, view: allowed(moneyView) },
  { pattern: /^\/trouble$/, view: allowed(troubleView) },
  { pattern: /^\/acts(?:\?(.*))?$/, view: allowed(actsView) },
]);
showLanguage(() => { showAccount(); show(); });
operator.onChange((reason) => {
  why = reason === "expired" ? text("admin.expired") : "";
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  tell("");
  showAccount();
  show();
});

async function begin() {
  try {
    await start();
    known = true;
    showAccount();
    show();
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    $("main").replaceChildren(failure(error));
    setTimeout(begin, retryWait);
  }
}
begin();
