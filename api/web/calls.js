// The client of the HTTP API. The session, and purchases that have no answer yet, are in localStorage, so that a reload
// keeps them and all tabs share them.

import { observe } from "./clock.js";

const answerWait = 10_000;
const purchaseLife = 10 * 60_000;

// CallError is a call that failed: with a problem as its answer, or, as status 0, without any answer.
export class CallError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "No answer");
    this.status = status;
    this.code = problem.code || "no_answer";
  }

  // retryable tells whether the same request may succeed a moment later.
  get retryable() {
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
  // onElsewhere calls back when another tab has signed in or out. The token is the last key that open writes; a null key
  // means that the whole storage was cleared.
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
    throw new CallError(response && response.status < 400 ? 0 : response?.status ?? 0, { title: "The box office does not answer." });
  }
  if (!response.ok) throw new CallError(response.status, answer);
  const time = answer.server_time || answer.items?.[0]?.server_time;
  if (time) observe(time, sentAt, performance.now());
  return answer;
}

const pathOf = (id) => encodeURIComponent(id);

// list returns up to that many pages of a list, and whether there are more.
async function list(path, pages, options) {
  const items = [];
  for (let cursor = "", page = 0; ; page++) {
    if (page === pages) return { items, more: true };
    const answer = await call("GET", path + cursor, options);
    items.push(...answer.items);
    if (!answer.next_cursor) return { items, more: false };
    cursor = `&cursor=${encodeURIComponent(answer.next_cursor)}`;
  }
}

// screenings returns the screenings whose sale is open or to come; orders those of the buyer, the newest first.
export const screenings = (pages) => list("/v1/screenings?closed=false&limit=100", pages, { signed: false });
export const orders = (pages) => list("/v1/orders?limit=50", pages, {});

export const screening = (id) => call("GET", `/v1/screenings/${pathOf(id)}`, { signed: false });
export const cancel = (id) => call("POST", `/v1/orders/${pathOf(id)}/cancel`);
export const providers = async () => (await call("GET", "/v1/payments/providers", { signed: false })).items.map((item) => item.name);
// pay starts a payment, and returns what the buyer has to do.
export const pay = (id, provider) =>
  call("POST", `/v1/orders/${pathOf(id)}/payments`, { body: { provider, return_url: `${location.origin}/` } });
export const demoToken = (user) => call("POST", "/v1/dev/tokens", { body: { user, role: "buyer" }, signed: false });

// A purchase is stored before it is sent and deleted when it is answered, so that a double click, a reload and a retry after
// a lost answer all send the same Idempotency-Key, which is the same order. It expires after purchaseLife: a page that is
// opened the next day must not buy what was wanted the day before.
const storageKey = (screening) => `purchase:${session.buyer}:${screening}`;

function pending(name) {
  const purchase = JSON.parse(localStorage.getItem(name));
  return purchase && Math.abs(Date.now() - purchase.at) < purchaseLife ? purchase : null;
}

// begin stores a new purchase, unless one of the same screening has no answer yet.
export function begin(screening, quantity) {
  if (!pending(storageKey(screening))) {
    localStorage.setItem(storageKey(screening), JSON.stringify({ key: newKey(), quantity, at: Date.now() }));
  }
}

// unanswered returns the screenings of this buyer's stored purchases, and deletes everybody's expired ones.
export function unanswered() {
  const mine = storageKey("");
  const names = Object.keys(localStorage).filter((name) => name.startsWith("purchase:"));
  for (const name of names) {
    if (!pending(name)) localStorage.removeItem(name);
  }
  return names.filter((name) => name.startsWith(mine) && pending(name)).map((name) => name.slice(mine.length));
}

// purchase sends the stored purchase, and returns null if there is none: then another tab has had the answer.
export async function purchase(screening) {
  const begun = pending(storageKey(screening));
  if (!begun) return null;
  const { key, quantity } = begun;
  try {
    const order = await call("POST", `/v1/screenings/${pathOf(screening)}/orders`, {
      body: { quantity }, headers: { "Idempotency-Key": key },
    });
    localStorage.removeItem(storageKey(screening));
    return order;
  } catch (error) {
    // A 401 says nothing about the purchase: the buyer signs in again, and the same key is sent.
    if (!error.retryable && error.status !== 401) localStorage.removeItem(storageKey(screening));
    throw error;
  }
}

// newKey makes an Idempotency-Key. crypto.randomUUID does not exist on a plain http address other than localhost.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
