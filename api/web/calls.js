// The calls to the office. Who is signed in, and purchases that have no answer yet, are kept for all tabs of the browser,
// so neither a reload nor a second tab loses them.

import { observe } from "./clock.js";

const answerWait = 10_000;
const purchaseLife = 10 * 60_000;

// Refusal is a problem that the office answered with, or the lack of any answer.
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "No answer");
    this.status = status;
    this.code = problem.code || "no_answer";
  }

  // again tells whether the same request may have another outcome in a moment.
  get again() {
    return this.status === 0 || this.status === 429 || this.status === 500 || this.status === 503;
  }
}

export const session = {
  get buyer() { return localStorage.getItem("buyer") || ""; },
  get token() { return localStorage.getItem("token") || ""; },
  open(buyer, token) {
    localStorage.setItem("buyer", buyer);
    localStorage.setItem("token", token);
  },
  close() {
    localStorage.removeItem("buyer");
    localStorage.removeItem("token");
  },
  // onElsewhere calls back when another tab has signed in or out. The token is written last; null is all of it, cleared.
  onElsewhere(changed) {
    window.addEventListener("storage", ({ key }) => { if (key === "token" || key === null) changed(); });
  },
};

async function call(method, path, { body, headers = {}, signed = true } = {}) {
  if (signed && session.token) headers.Authorization = `Bearer ${session.token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sentAt = performance.now();
  let response, answer;
  try {
    response = await fetch(path, {
      method, headers, cache: "no-store", signal: AbortSignal.timeout(answerWait),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    answer = await response.json();
  } catch (cause) {
    throw new Refusal(response && response.status < 400 ? 0 : response?.status ?? 0, { title: "The box office does not answer." });
  }
  if (!response.ok) throw new Refusal(response.status, answer);
  const time = answer.server_time || answer.items?.[0]?.server_time;
  if (time) observe(time, sentAt, performance.now());
  return answer;
}

const pathOf = (id) => encodeURIComponent(id);

// screenings returns up to so many pages of what is or will be on sale, and whether there is more.
export async function screenings(pages) {
  const items = [];
  for (let cursor = "", page = 0; ; page++) {
    if (page === pages) return { items, more: true };
    const answer = await call("GET", `/v1/screenings?closed=false&limit=100${cursor}`, { signed: false });
    items.push(...answer.items);
    if (!answer.next_cursor) return { items, more: false };
    cursor = `&cursor=${encodeURIComponent(answer.next_cursor)}`;
  }
}

export const screening = (id) => call("GET", `/v1/screenings/${pathOf(id)}`, { signed: false });
export const orders = () => call("GET", "/v1/orders?limit=50");
export const cancel = (id) => call("POST", `/v1/orders/${pathOf(id)}/cancel`);
export const pay = (id) => call("POST", "/v1/dev/payments", { body: { order_id: id } });
export const demoToken = (user) => call("POST", "/v1/dev/tokens", { body: { user, role: "buyer" }, signed: false });

// A purchase is written down before it is sent and struck out when it is answered. Until then whatever happens, a double
// click, a reload or a lost answer, sends the same Idempotency-Key, and that is the same order. After some minutes nobody
// waits for it any more: a page that is opened then must not buy what was wanted yesterday.
const slot = (screening) => `purchase:${session.buyer}:${screening}`;

function pending(name) {
  const purchase = JSON.parse(localStorage.getItem(name));
  return purchase && Math.abs(Date.now() - purchase.at) < purchaseLife ? purchase : null;
}

export function begin(screening, quantity) {
  if (!pending(slot(screening))) {
    localStorage.setItem(slot(screening), JSON.stringify({ key: newKey(), quantity, at: Date.now() }));
  }
}

export function unanswered() {
  const mine = slot("");
  const names = Object.keys(localStorage).filter((name) => name.startsWith("purchase:"));
  for (const name of names) {
    if (!pending(name)) localStorage.removeItem(name);
  }
  return names.filter((name) => name.startsWith(mine) && pending(name)).map((name) => name.slice(mine.length));
}

// purchase sends what is written down, and returns null when there is nothing: another tab has had the answer.
export async function purchase(screening) {
  const begun = pending(slot(screening));
  if (!begun) return null;
  const { key, quantity } = begun;
  try {
    const order = await call("POST", `/v1/screenings/${pathOf(screening)}/orders`, {
      body: { quantity }, headers: { "Idempotency-Key": key },
    });
    localStorage.removeItem(slot(screening));
    return order;
  } catch (refusal) {
    // A 401 says nothing about the purchase: signed in again, the same key finds out.
    if (!refusal.again && refusal.status !== 401) localStorage.removeItem(slot(screening));
    throw refusal;
  }
}

// newKey works on a plain http address too, where randomUUID does not exist outside of localhost.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
