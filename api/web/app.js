// The page's main script: it polls screenings and orders, shows them as cards, and sends what the buyer does. Each failed
// poll doubles the wait before the next one, and a hidden tab does not poll.

import * as calls from "./calls.js";
import { OrderCard, ScreeningCard } from "./cards.js";

const pollWait = 1000;
const idleWait = 5000;
const pollWaitMax = 15_000;
const triesMax = 8;
const doubleClickWait = 1500; // a double click is one purchase, however fast the first click is answered
const loadMax = 8;

const $ = (id) => document.getElementById(id);
const demo = document.body.dataset.demo === "yes";
const screenings = new Map(); // cards by screening id
const purchasing = new Set(); // ids of screenings whose purchase has no answer yet
const screeningsById = new Map(); // as answered last; an order card shows its screening's name, also after the sale
let pages = 1; // pages of screenings that are shown
let orderPages = 1;
const orders = new Map(); // cards by order id
let providers = null; // names of the payment providers, once they are known
let scanned = ""; // id of the order whose QR code is shown
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const jitter = (ms) => ms * (0.85 + 0.3 * Math.random());

const problemTexts = {
  sold_out: "Sold out: somebody was faster. Unpaid tickets come back, so it is worth another try.",
  limit_exceeded: "With these you would hold more tickets for this screening than one person may.",
  sale_not_open: "The sale has not opened yet.",
  sale_closed: "The sale is over.",
  busy: "The box office is busy.",
  rate_limited: "That was too fast.",
  unavailable: "The box office is away for a moment.",
  no_answer: "The box office does not answer.",
  already_paid: "The order is paid already.",
  not_payable: "The time to pay is over.",
  provider_away: "The payment provider does not answer. Nothing was paid: try again.",
  provider_refuses: "The payment provider does not take this order.",
};
const problemText = (error) => problemTexts[error.code] || error.message;

function showMessage(text, kind = "") {
  const line = $("news");
  line.hidden = text === "";
  line.dataset.kind = kind;
  line.textContent = text;
}

// reconcile makes a list show one card per item, in the items' order: it adds, updates, moves and removes cards.
function reconcile(list, cards, items, make, show) {
  const ids = new Set(items.map((item) => item.id));
  for (const [id, card] of cards) {
    if (!ids.has(id)) {
      card.root.remove();
      cards.delete(id);
    }
  }
  items.forEach((item, place) => {
    let card = cards.get(item.id);
    if (!card) cards.set(item.id, (card = make(item.id)));
    show(card, item);
    if (list.children[place] !== card.root) list.insertBefore(card.root, list.children[place] || null);
  });
}

async function pollScreenings() {
  const { items, more } = await calls.screenings(pages);
  for (const item of items) screeningsById.set(item.id, item);
  reconcile($("screenings"), screenings, items, (id) => new ScreeningCard(id, buy), (card, item) => {
    card.signedIn = calls.session.token !== "";
    card.working = purchasing.has(item.id);
    card.show(item);
  });
  $("screenings-empty").hidden = items.length > 0;
  $("screenings-more").hidden = !more;
  return pollWait;
}

// loadMissingScreenings loads screenings of orders that are not on sale any more, a few per poll. One that fails is tried
// again at the next poll.
async function loadMissingScreenings(items) {
  const missing = new Set(items.map((item) => item.screening_id).filter((id) => !screeningsById.has(id)));
  for (const id of [...missing].slice(0, loadMax)) {
    try {
      screeningsById.set(id, await calls.screening(id));
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      return;
    }
  }
}

async function pollOrders() {
  const token = calls.session.token;
  if (token && providers === null) providers = await calls.providers();
  let items = [], more = false;
  if (token) ({ items, more } = await calls.orders(orderPages));
  await loadMissingScreenings(items);
  if (token !== calls.session.token) return 0; // the buyer changed meanwhile
  reconcile($("orders"), orders, items, (id) => new OrderCard(id, { onPay: pay, onCancel: cancel }), (card, item) => {
    card.offer(providers);
    card.show(item, screeningsById.get(item.screening_id));
  });
  if (scanned && !orders.get(scanned)?.open) closeScan();
  $("orders-empty").hidden = items.length > 0;
  $("orders-more").hidden = !more;
  const held = new Set(items.filter((item) => orders.get(item.id).open).map((item) => item.screening_id));
  for (const [id, card] of screenings) card.forget(held.has(id));
  const open = [...orders.values()].some((card) => card.open);
  document.body.dataset.orders = open ? "open" : "settled";
  return open ? pollWait : idleWait;
}

// poller repeats a poll, which returns the wait before the next one. The function that it returns ends a wait early.
function poller(poll, onState) {
  let wake = () => {};
  (async () => {
    for (let wait = pollWait; ;) {
      try {
        wait = await poll();
        onState("live");
      } catch (error) {
        if (!(error instanceof calls.CallError)) throw error;
        wait = Math.min(pollWaitMax, Math.max(pollWait, wait) * 2);
        onState("waiting", error);
      }
      await Promise.race([sleep(jitter(wait)), new Promise((resolve) => { wake = resolve; })]);
      while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    }
  })();
  return () => wake();
}

const wakeScreenings = poller(pollScreenings, (state) => {
  $("link").dataset.state = state;
  $("link").textContent = state === "live" ? "live" : "no answer, trying again";
});
const wakeOrders = poller(pollOrders, (_, error) => {
  if (error?.status === 401) signOut("Sign in again: the token is not valid, or not any more.");
  if (error?.status === 403) signOut("This token does not buy: it needs the role buyer.");
});

async function buy(id, quantity) {
  if (purchasing.has(id)) return;
  calls.begin(id, quantity);
  await settlePurchase(id);
}

// settlePurchase sends a purchase until it is sold or refused, at most triesMax times. After that the next click or reload
// sends it again, with the same Idempotency-Key.
async function settlePurchase(id) {
  const setWorking = (working) => {
    if (working) purchasing.add(id);
    else purchasing.delete(id);
    const card = screenings.get(id);
    if (!card) return;
    card.working = working;
    card.tick();
  };
  const tell = (text, kind) => (screenings.get(id) ? screenings.get(id).tell(text, kind) : showMessage(text, kind));
  setWorking(true);
  tell("");
  const begunAt = performance.now();
  for (let tries = 1, wait = 500; ; tries++, wait = Math.min(wait * 2, 8000)) {
    try {
      const order = await calls.purchase(id);
      if (order) tell(order.quantity === 1 ? "1 ticket is yours: now pay." : `${order.quantity} tickets are yours: now pay.`, "good");
      break;
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      if (error.status === 401) signOut("Sign in again: the token is not valid, or not any more.");
      if (!error.retryable || tries === triesMax) {
        tell(problemText(error) + (error.retryable ? " Your purchase is not lost: click Buy to ask again." : ""), "bad");
        break;
      }
      tell(`${problemText(error)} Trying again...`, "wait");
      await sleep(jitter(wait));
    }
  }
  wakeScreenings();
  wakeOrders();
  await sleep(doubleClickWait - (performance.now() - begunAt));
  setWorking(false);
}

async function act(id, what, done) {
  const card = orders.get(id);
  if (!card || card.working) return;
  card.working = true;
  card.tick();
  try {
    done(await what(id));
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    showMessage(problemText(error), "bad");
  }
  card.working = false;
  card.tick();
  wakeOrders();
  wakeScreenings();
}

const pay = (id, provider) => act(id, () => calls.pay(id, provider), ({ action }) => {
  if (action.kind === "redirect") location.assign(action.url);
  else if (action.kind === "qr") showScan(id, action);
  else postForm(action);
});

// postForm sends the browser to a payment provider that takes a form.
function postForm({ url, fields }) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  for (const [name, value] of Object.entries(fields || {})) {
    const input = form.appendChild(document.createElement("input"));
    Object.assign(input, { type: "hidden", name, value });
  }
  document.body.append(form);
  form.submit();
}

// showScan shows a QR code until its order is paid, cancelled, or the buyer closes it. On the phone that has the
// provider's application the code is a link as well.
function showScan(id, { qr, qr_image }) {
  scanned = id;
  $("scan-image").src = qr_image;
  $("scan-link").href = qr;
  $("scan").showModal();
}

function closeScan() {
  scanned = "";
  $("scan").close();
}

const cancel = (id) => act(id, calls.cancel, () => showMessage("The order is cancelled, and its tickets are on sale again."));

function showSession() {
  const { buyer, token } = calls.session;
  $("sign-in").hidden = token !== "";
  $("signed-in").hidden = token === "";
  $("buyer").textContent = buyer;
  for (const card of screenings.values()) {
    card.signedIn = token !== "";
    card.tell("");
    card.tick();
  }
}

function signOut(why = "") {
  calls.session.close();
  showSession();
  showMessage(why, why ? "bad" : "");
  wakeOrders();
}

calls.session.onElsewhere(() => {
  showSession();
  showMessage("");
  wakeOrders();
});

// buyerOf returns the subject of a token, to be shown only: the page does not verify tokens.
function buyerOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub || "?";
  } catch {
    return "?";
  }
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = $("who").value.trim();
  if (given === "") return;
  try {
    if (demo) calls.session.open(given, (await calls.demoToken(given)).token);
    else calls.session.open(buyerOf(given), given);
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    showMessage(problemText(error), "bad");
    return;
  }
  $("who").value = "";
  showMessage("");
  showSession();
  wakeOrders();
});
$("screenings-more").addEventListener("click", () => {
  pages++;
  wakeScreenings();
});
$("scan").addEventListener("close", () => { scanned = ""; wakeOrders(); });
$("orders-more").addEventListener("click", () => {
  orderPages++;
  wakeOrders();
});
$("sign-out").addEventListener("click", () => signOut());
document.addEventListener("visibilitychange", () => { wakeScreenings(); wakeOrders(); });
setInterval(() => {
  for (const card of screenings.values()) card.tick();
  for (const card of orders.values()) card.tick();
}, 250);

showSession();
if (calls.session.token) calls.unanswered().forEach(settlePurchase);
