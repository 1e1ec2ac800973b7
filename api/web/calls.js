// The calls to the office. Who is signed in, and purchases that have no answer yet, are kept for the tab, so a reload
// loses neither.

import { observe } from "./clock.js";

const answerWait = 10_000;

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
  get buyer() { return sessionStorage.getItem("buyer") || ""; },
  get token() { return sessionStorage.getItem("token") || ""; },
  open(buyer, token) {
    sessionStorage.setItem("buyer", buyer);
    sessionStorage.setItem("token", token);
  },
  close() {
    sessionStorage.removeItem("buyer");
    sessionStorage.removeItem("token");
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

export const screenings = () => call("GET", "/v1/screenings?limit=100", { signed: false });
export const orders = () => call("GET", "/v1/orders?limit=50");
export const cancel = (id) => call("POST", `/v1/orders/${pathOf(id)}/cancel`);
export const pay = (id) => call("POST", "/v1/dev/payments", { body: { order_id: id } });
export const demoToken = (user) => call("POST", "/v1/dev/tokens", { body: { user, role: "buyer" }, signed: false });

// A purchase is written down before it is sent and struck out when it is answered. Until then whatever happens, a double
// click, a reload or a lost answer, sends the same Idempotency-Key, and that is the same order.
const slot = (screening) => `purchase:${session.buyer}:${screening}`;

export function begin(screening, quantity) {
  if (!sessionStorage.getItem(slot(screening))) {
    sessionStorage.setItem(slot(screening), JSON.stringify({ key: newKey(), quantity }));
  }
}

export function unanswered() {
  const mine = slot("");
  return Object.keys(sessionStorage).filter((name) => name.startsWith(mine)).map((name) => name.slice(mine.length));
}

export async function purchase(screening) {
  const { key, quantity } = JSON.parse(sessionStorage.getItem(slot(screening)));
  try {
    const order = await call("POST", `/v1/screenings/${pathOf(screening)}/orders`, {
      body: { quantity }, headers: { "Idempotency-Key": key },
    });
    sessionStorage.removeItem(slot(screening));
    return order;
  } catch (refusal) {
    // A 401 says nothing about the purchase: signed in again, the same key finds out.
    if (!refusal.again && refusal.status !== 401) sessionStorage.removeItem(slot(screening));
    throw refusal;
  }
}

// newKey works on a plain http address too, where randomUUID does not exist outside of localhost.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
