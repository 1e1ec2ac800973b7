// The page of an order's tickets. The order's id is in the hash, which no server sees, and the session is the shop's.

import * as calls from "./ticket-calls.js";
import { session } from "./session.js";
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
  const { screening_id: screeningId, items } = await calls.orderTickets(session.token, id, isNew);
  const screening = isNew ? await calls.screening(screeningId) : null;
  if (!isCurrent()) return;
  if (isNew) {
    clear();
    for (const ticket of items) cards.set(ticket.id, makeCard(ticket, screening));
    shown = id;
  }
  for (const ticket of items) updateCard(cards.get(ticket.id), ticket);
  const isVoid = items.every((ticket) => ticket.state === "void");
  $("print").hidden = $("hint").hidden = isVoid;
  showMessage(isVoid ? t.voidNote : "");
}

// look shows the tickets, and says what is in the way. It returns whether to look again by itself.
async function look(isCurrent) {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id === "" || !session.signedIn) {
    showMessage(id === "" ? t.noOrder : t.signIn);
    return false;
  }
  try {
    await show(id, isCurrent);
    return true;
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    if (!isCurrent()) return false;
    if (error.retryable) showMessage(t.away);
    else showMessage({ not_paid: t.notPaid, not_found: t.notFound, unauthorized: t.signIn }[error.code] || error.message);
    return error.retryable || error.code === "not_paid"; // its payment may be on the way
  }
}

// begin looks at the order of the hash until another one is asked for, or somebody else is signed in, who must not see what
// was shown to the one before.
let round = 0;
async function begin() {
  const mine = ++round;
  const isCurrent = () => mine === round;
  clear();
  while (isCurrent() && (await look(isCurrent))) {
    await new Promise((resolve) => setTimeout(resolve, lookAgain));
    while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

translate();
document.title = `boxoffice: ${t.tickets}`;
$("print").addEventListener("click", () => window.print());
window.addEventListener("hashchange", begin);
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) begin(); }); // somebody went back: it missed what happened
session.onChange(begin);
begin();
