// The client of the HTTP API.

import { observe } from "./clock.js";
import { session } from "./session.js";

const answerWait = 10_000;

// CallError is a call that failed: with a problem as its answer, or, as status 0, without any answer.
export class CallError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "no answer");
    this.status = status;
    this.code = problem.code || "no_answer";
    this.said = problem.said ?? null; // detail by its code and values
    this.problem = problem;
  }

  // retryable tells whether the same request may succeed a moment later.
  get retryable() {
    return this.status === 0 || this.status === 429 || this.status === 500 || this.status === 503;
  }
}

// bearer are the headers of a token. Without one the browser's cookie says who calls, which it sends by itself.
export const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

// credentials are the headers that say who is signed in.
export const credentials = () => bearer(session.token);

// refused takes back a sign-in that the server does not accept, unless there is another one by now.
export function refused(token) {
  if (session.signedIn && session.token === token) session.close("expired");
}

// call asks the server, as whoever is signed in unless it is not signed, or has a token of its own. A page in place of an
// answer is a proxy's, whose server is away: no answer.
export async function call(method, path, { body, headers = {}, token: own, signed = own === undefined, wait = answerWait } = {}) {
  const { token } = session;
  headers = { ...(signed ? credentials() : bearer(own)), ...headers };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sentAt = performance.now();
  let response, answer;
  try {
    response = await fetch(path, {
      method, headers, cache: "no-store", signal: AbortSignal.timeout(wait),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    answer = response.status === 204 ? {} : await response.json();
  } catch {
    throw new CallError(response?.status >= 400 && response.status < 500 ? response.status : 0, {});
  }
  if (!response.ok) {
    if (response.status === 401 && signed) refused(token);
    throw new CallError(response.status, answer);
  }
  const time = answer.server_time || answer.items?.[0]?.server_time;
  if (time) observe(time, sentAt, performance.now());
  return answer;
}

const pathOf = (id) => encodeURIComponent(id);

// list returns up to that many pages of a list, as long as wanted says so of what each has, and whether there are more.
async function list(path, pages, options, wanted = () => true) {
  const items = [];
  for (let cursor = "", page = 0; ; page++) {
    if (page === pages) return { items, more: true };
    const answer = await call("GET", path + cursor, options);
    items.push(...answer.items);
    if (!answer.next_cursor) return { items, more: false };
    if (!wanted(answer.items)) return { items, more: true };
    cursor = `&cursor=${encodeURIComponent(answer.next_cursor)}`;
  }
}

// screenings returns the screenings whose sale is open or to come, or else those whose sale is over; orders those of the
// buyer, the newest first.
export const screenings = (pages, closed, wanted) => list(`/v1/screenings?closed=${closed}&limit=100`, pages, { signed: false }, wanted);
export const orders = (pages) => list("/v1/orders?limit=50", pages, {});

export const screeningPath = (id) => `/v1/screenings/${pathOf(id)}`;
export const orderPath = (id) => `/v1/orders/${pathOf(id)}`;
export const screening = (id) => call("GET", screeningPath(id), { signed: false });
export const orderRefunds = (id) => call("GET", `${orderPath(id)}/refunds`);
export const orderTickets = (id, qr) => call("GET", `${orderPath(id)}/tickets?qr=${qr}`);
export const cancel = (id) => call("POST", `${orderPath(id)}/cancel`);
export const buy = (id, quantity, key) =>
  call("POST", `${screeningPath(id)}/orders`, { body: { quantity }, headers: { "Idempotency-Key": key } });
export const providers = async () => (await call("GET", "/v1/payments/providers", { signed: false })).items.map((item) => item.name);
// pay starts a payment, and returns what the buyer has to do. The provider sends the buyer back to the order.
export const pay = (id, provider) =>
  call("POST", `${orderPath(id)}/payments`, { body: { provider, return_url: `${location.origin}/o/${pathOf(id)}` } });

// Where the buyer is told what becomes of orders, and in the demo what that was.
export const contact = () => call("GET", "/v1/contact");
export const setContact = (body) => call("PUT", "/v1/contact", { body });
export const forgetContact = () => call("DELETE", "/v1/contact");
export const messages = () => call("GET", "/v1/dev/messages");
export const message = (id) => call("GET", `/v1/dev/messages/${pathOf(id)}`);

// Signing in. An office that does not say how has neither me nor sign-out. Whoever has signed out goes to the address that
// the answer may have, to end the session at the identity provider as well, and comes back.
export const signInMethods = async () => (await call("GET", "/v1/sign-in", { signed: false })).methods;
export const me = () => call("GET", "/v1/me", { signed: false });
export const signOut = async () =>
  (await call("POST", `/sign-out?return=${encodeURIComponent(location.pathname + location.search)}`, { signed: false })).provider_url || "";
export const demoToken = (user, role = "buyer") => call("POST", "/v1/dev/tokens", { body: { user, role }, signed: false });
// tryToken asks something with a token, which fails if the token is not valid.
export const tryToken = (token) => call("GET", "/v1/orders?limit=1", { token });
