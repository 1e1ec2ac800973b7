// The page of an order's tickets. The order's id is in the hash, which no server sees, and the session is the shop's.

import * as calls from "./calls.js";
import { element, setText } from "./dom.js";
import { clockTime, shortTime } from "./format.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { hueOf } from "./poster.js";
import { problemText } from "./problem.js";
import { saveFile } from "./save.js";
import { session } from "./session.js";
import { signOut } from "./signin.js";
import { cardOf } from "./ticket_card.js";

const lookAgain = 10_000; // for whether a ticket was used meanwhile
const $ = (id) => document.getElementById(id);
const cards = new Map(); // by ticket id
let shown = ""; // id of the order whose cards are there

const orderID = () => decodeURIComponent(location.hash.slice(1));

// showMessage says what is in the way, perhaps with where to go.
function showMessage(words, link = null) {
  if ($("message").innerText === words && !link) return;
  $("message").replaceChildren(words, ...(link ? [element("br"), link] : []));
}

// makeCard makes a card's elements once.
function makeCard(ticket, screening) {
  const state = element("p", { class: "state" });
  const head = element("div", { class: "ticket-head" }, element("h2", {}, screening.movie), element("p", { class: "when" }, shortTime(screening.starts_at)),
    element("p", {}, screening.venue));
  const hue = hueOf(screening.movie);
  head.style.setProperty("--hue", hue);
  const image = ticket.qr_image
    ? element("img", { class: "qr", src: ticket.qr_image, alt: text("ticket.code"), width: 280, height: 280 }) : null;
  const keep = async () => saveFile(await cardOf(ticket, screening, image, hue), `${screening.movie} ${ticket.number}.png`);
  const save = image ? element("button", { type: "button", class: "quiet save", click: keep }, text("ticket.save", { number: ticket.number })) : null;
  const root = element("article", { class: "ticket" }, head, element("div", { class: "ticket-body" }, image,
    element("p", { class: "number" }, text("ticket.number", { number: ticket.number, of: ticket.of })), state, save, element("p", { class: "id" }, ticket.code)));
  $("tickets").append(root);
  return { root, state };
}

const words = {
  valid: () => text("ticket.valid"),
  used: ({ used_at: at }) => (at ? text("ticket.used", { time: clockTime(at) }) : ""),
  void: () => text("ticket.void"),
};

function updateCard({ root, state }, ticket) {
  root.dataset.state = ticket.state;
  setText(state, words[ticket.state](ticket));
}

// clear takes away whatever is shown.
function clear() {
  $("tickets").replaceChildren();
  cards.clear();
  $("print").hidden = $("hint").hidden = true;
  shown = "";
  showMessage("");
}

// show shows the tickets of an order, unless isCurrent says meanwhile that nobody waits for them any more.
async function show(id, isCurrent) {
  const isNew = shown !== id;
  const { screening_id: screeningId, items } = await calls.orderTickets(id, isNew);
  const screening = isNew ? await calls.screening(screeningId) : null;
  if (!isCurrent()) return;
  if (isNew) {
    clear();
    for (const ticket of items) cards.set(ticket.id, makeCard(ticket, screening));
    shown = id;
  }
  for (const ticket of items) updateCard(cards.get(ticket.id), ticket);
  $("print").hidden = $("hint").hidden = !items.some((ticket) => ticket.state === "valid");
  showMessage(items.every((ticket) => ticket.state === "void") ? text("ticket.void_note") : "");
}

// askToSignIn leads to the page of the order, where one signs in and comes back from.
function askToSignIn(id) {
  showMessage(text("ticket.sign_in"), element("a", { class: "button", href: `/o/${encodeURIComponent(id)}` }, text("signin.title")));
}

const reasons = { not_paid: "ticket.not_paid", not_found: "order.missing" };

// showAround shows the way back to the order, and who is signed in with the way out.
function showAround(id) {
  const known = session.signedIn && id !== "";
  $("order").hidden = !known;
  if (known) $("order").href = `/o/${encodeURIComponent(id)}`;
  $("sign-out").hidden = !session.signedIn;
  setText($("buyer"), session.signedIn ? session.name : "");
}

async function leave() {
  try {
    await signOut();
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    showMessage(problemText(error));
  }
}

// look shows the tickets, and says what is in the way. It returns whether to look again by itself.
async function look(isCurrent) {
  const id = orderID();
  if (id === "") showMessage(text("ticket.no_order"));
  else if (!session.signedIn) askToSignIn(id);
  if (id === "" || !session.signedIn) return false;
  try {
    await show(id, isCurrent);
    return true;
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    if (!isCurrent()) return false;
    if (error.retryable) showMessage(text("link.lost"));
    else if (error.code === "unauthorized") askToSignIn(id);
    else showMessage(error.code in reasons ? text(reasons[error.code]) : problemText(error));
    return error.retryable || error.code === "not_paid"; // its payment may be on the way
  }
}

// begin looks at the order of the hash until another one is asked for, or somebody else is signed in, who must not see what
// was shown to the one before.
let round = 0;
async function begin() {
  const mine = ++round;
  const isCurrent = () => mine === round;
  showAround(orderID());
  clear();
  while (isCurrent() && (await look(isCurrent))) {
    await new Promise((resolve) => setTimeout(resolve, lookAgain));
    while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

function translatePage() {
  translate(document);
  document.title = text("ticket.page_title");
}

translatePage();
showLanguage(() => {
  translatePage();
  begin();
});
$("print").addEventListener("click", () => window.print());
$("sign-out").addEventListener("click", leave);
window.addEventListener("hashchange", begin);
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) begin(); }); // somebody went back: it missed what happened
session.onChange(begin);
begin();
