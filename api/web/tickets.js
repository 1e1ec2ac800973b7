// The page of an order's tickets. The order's id is in the hash, which no server sees, and the session is the shop's.

import * as calls from "./ticket-calls.js";
import { dayOf, t, timeOf, translate } from "./ticket-texts.js";

const lookAgain = 10_000; // for whether a ticket was used meanwhile
const $ = (id) => document.getElementById(id);
const cards = new Map(); // by ticket id
let shown = ""; // id of the order whose cards are there

function element(parent, name, className, text = "") {
  const e = parent.appendChild(document.createElement(name));
  e.className = className;
  e.textContent = text;
  return e;
}

function showMessage(text) {
  $("message").hidden = text === "";
  $("message").textContent = text;
}

// makeCard makes a card's elements once. Text is set as text, never as HTML.
function makeCard(ticket, screening) {
  const root = element($("tickets"), "article", "ticket");
  let hue = 0;
  for (const c of screening.movie) hue = (hue * 31 + c.codePointAt(0)) % 360;
  root.style.setProperty("--hue", hue);
  const stub = element(root, "div", "stub");
  element(stub, "h2", "", screening.movie);
  element(stub, "p", "when", dayOf(screening.starts_at));
  element(stub, "p", "where", screening.venue);
  const body = element(root, "div", "body");
  if (ticket.qr_image) {
    const image = element(body, "img", "qr");
    image.src = ticket.qr_image;
    image.alt = t.code;
    image.width = image.height = 280;
  }
  element(body, "p", "number", t.number(ticket.number, ticket.of));
  const state = element(body, "p", "state");
  element(body, "p", "id", ticket.code);
  return { root, state };
}

function updateCard({ root, state }, ticket) {
  root.dataset.state = ticket.state;
  const text = { valid: t.valid, used: ticket.used_at ? t.used(timeOf(ticket.used_at)) : "", void: t.void }[ticket.state];
  if (state.textContent !== text) state.textContent = text;
}

async function show(id, token) {
  const isNew = shown !== id;
  const { screening_id: screeningId, items } = await calls.orderTickets(token, id, isNew);
  if (isNew) {
    const screening = await calls.screening(screeningId);
    $("tickets").replaceChildren();
    cards.clear();
    for (const ticket of items) cards.set(ticket.id, makeCard(ticket, screening));
    shown = id;
  }
  for (const ticket of items) updateCard(cards.get(ticket.id), ticket);
  const isVoid = items.every((ticket) => ticket.state === "void");
  $("print").hidden = $("hint").hidden = isVoid;
  showMessage(isVoid ? t.voidNote : "");
}

// look shows the tickets, and says what is in the way. It returns whether to look again by itself.
async function look() {
  const id = decodeURIComponent(location.hash.slice(1));
  const token = localStorage.getItem("token") || "";
  const byCookie = (localStorage.getItem("session") || "").startsWith("cookie"); // which the browser sends by itself
  if (id === "" || (token === "" && !byCookie)) {
    showMessage(id === "" ? t.noOrder : t.signIn);
    return false;
  }
  try {
    await show(id, token);
    return true;
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    if (error.retryable) showMessage(t.away);
    else showMessage({ not_paid: t.notPaid, not_found: t.notFound, unauthorized: t.signIn }[error.code] || error.message);
    return error.retryable || error.code === "not_paid"; // its payment may be on the way
  }
}

// begin looks at the order of the hash until another one is asked for.
let round = 0;
async function begin() {
  const mine = ++round;
  if (shown !== decodeURIComponent(location.hash.slice(1))) {
    $("tickets").replaceChildren();
    $("print").hidden = $("hint").hidden = true;
    shown = "";
  }
  while (mine === round && (await look())) {
    await new Promise((resolve) => setTimeout(resolve, lookAgain));
    while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

translate();
document.title = `boxoffice: ${t.tickets}`;
$("print").addEventListener("click", () => window.print());
window.addEventListener("hashchange", begin);
window.addEventListener("storage", ({ key }) => { if (key === "session" || key === null) begin(); });
begin();
