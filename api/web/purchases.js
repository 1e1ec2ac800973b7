// Purchases, from the click on Buy to the answer. One is stored before it is sent and deleted when it is answered, so that a
// double click, a reload and a retry after a lost answer all send the same Idempotency-Key, which is the same order.

import * as calls from "./calls.js";
import { newKey } from "./key.js";
import { session } from "./session.js";

const life = 10 * 60_000; // a page that is opened the next day must not buy what was wanted the day before
const triesMax = 8;
const waitMax = 8000;
const doubleClickWait = 1500; // a double click is one purchase, however fast the first click is answered

const states = new Map(); // of purchases that this tab sends or has had refused, by screening id
const listeners = new Set();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const jitter = (ms) => ms * (0.85 + 0.3 * Math.random());

// stateOf returns {working, error}: whether a purchase is under way, and what went wrong with it last, or null.
export const stateOf = (screening) => states.get(screening) || { working: false, error: null };

// onPurchase calls back with a screening's id whenever its state changes, and with the order once there is one.
export const onPurchase = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

function tell(screening, working, error = null, order = null) {
  states.set(screening, { working, error });
  for (const listener of [...listeners]) listener(screening, order);
}

export const forget = (screening) => { if (!stateOf(screening).working) states.delete(screening); };

const storageKey = (screening) => `purchase:${session.buyer}:${screening}`;

function pending(name) {
  try {
    const purchase = JSON.parse(localStorage.getItem(name));
    return purchase && Math.abs(Date.now() - purchase.at) < life ? purchase : null;
  } catch {
    return null;
  }
}

// buy sends a new purchase, or that of the same screening which has no answer yet.
export function buy(screening, quantity) {
  if (stateOf(screening).working) return;
  if (!pending(storageKey(screening))) {
    localStorage.setItem(storageKey(screening), JSON.stringify({ key: newKey(), quantity, at: Date.now() }));
  }
  settle(screening);
}

// resume sends this buyer's purchases that have no answer yet, and deletes everybody's expired ones.
export function resume() {
  const mine = storageKey("");
  for (const name of Object.keys(localStorage).filter((key) => key.startsWith("purchase:"))) {
    if (!pending(name)) localStorage.removeItem(name);
    else if (session.signedIn && name.startsWith(mine)) settle(name.slice(mine.length));
  }
}

// settle sends a purchase until it is sold or refused, at most triesMax times. After that the next click or reload sends it
// again, with the same Idempotency-Key.
async function settle(screening) {
  if (stateOf(screening).working) return;
  tell(screening, true);
  const begunAt = performance.now();
  const { order, error } = await sendUntilAnswered(screening);
  if (error?.status !== 401) { // after a 401 it is sent again as soon as somebody has signed in
    tell(screening, true, error, order);
    await sleep(doubleClickWait - (performance.now() - begunAt));
  }
  tell(screening, false, error);
}

async function sendUntilAnswered(screening) {
  for (let tries = 1, wait = 500; ; tries++, wait = Math.min(wait * 2, waitMax)) {
    try {
      return { order: await send(screening), error: null };
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      if (!error.retryable || tries === triesMax) return { order: null, error };
      tell(screening, true, error);
      await sleep(jitter(wait));
    }
  }
}

// send sends the stored purchase, and returns null if there is none: then another tab has had the answer.
async function send(screening) {
  const name = storageKey(screening);
  const begun = pending(name);
  if (!begun) return null;
  try {
    const order = await calls.buy(screening, begun.quantity, begun.key);
    localStorage.removeItem(name);
    return order;
  } catch (error) {
    // A 401 says nothing about the purchase: the buyer signs in again, and the same key is sent.
    if (!error.retryable && error.status !== 401) localStorage.removeItem(name);
    throw error;
  }
}
