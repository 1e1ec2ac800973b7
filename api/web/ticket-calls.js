// Calls of the pages of tickets. Each gives the token that it is made with, since buyers and staff may share a browser;
// without one the browser's cookie says who calls.

const answerWait = 10_000;
const pagesMax = 500;
const pastEnd = "past-screenings"; // key of a cursor

// CallError is a call that failed: with a problem as its answer, or, as status 0, without any answer.
export class CallError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "No answer");
    this.status = status;
    this.code = problem.code || "no_answer";
    this.problem = problem;
  }

  // retryable tells whether the same request may succeed a moment later.
  get retryable() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function call(method, path, { token = "", body, headers = {} } = {}) {
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response, answer;
  try {
    response = await fetch(path, {
      method, headers, cache: "no-store", signal: AbortSignal.timeout(answerWait),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    answer = response.status === 204 ? null : await response.json();
  } catch {
    throw new CallError(response && response.status >= 400 ? response.status : 0, {});
  }
  if (!response.ok) throw new CallError(response.status, answer ?? {});
  return answer;
}

const pathOf = (id) => encodeURIComponent(id);

export const orderTickets = (token, id, qr) => call("GET", `/v1/orders/${pathOf(id)}/tickets?qr=${qr}`, { token });
export const screening = (id) => call("GET", `/v1/screenings/${pathOf(id)}`);
export const counts = (token, id) => call("GET", `/v1/screenings/${pathOf(id)}/checkins`, { token });
export const me = () => call("GET", "/v1/me"); // by the browser's cookie
export const signInMethods = () => call("GET", "/v1/sign-in");
export const signOut = () => call("POST", "/sign-out");
export const staffToken = (user) => call("POST", "/v1/dev/tokens", { body: { user, role: "staff" } });

// checkIn sends a code. key is the same in all tries, so that an answer that was lost is not taken for a used ticket.
export const checkIn = (token, key, body) => call("POST", "/v1/checkins", { token, body, headers: { "Idempotency-Key": key } });

// screenings returns those that begin from a time on, whether their sale is over or not, by their start. The lists begin
// with the oldest, so where the past ends in that of closed sales is remembered: only the first visit walks through it.
export async function screenings(from) {
  const found = new Map();
  const add = (items) => { for (const item of items) if (Date.parse(item.starts_at) >= from) found.set(item.id, item); };
  const walkPast = (cursor) => walk("closed=true", cursor, (items, next) => {
    add(items);
    if (next && items.every((item) => Date.parse(item.starts_at) < from)) localStorage.setItem(pastEnd, next);
  });
  const remembered = localStorage.getItem(pastEnd) || "";
  try {
    await walkPast(remembered);
  } catch (error) { // a cursor of an earlier version, or of another office at this address, is refused
    if (!remembered || error.status !== 400) throw error;
    localStorage.removeItem(pastEnd);
    await walkPast("");
  }
  await walk("closed=false", "", add);
  return [...found.values()].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
}

// walk passes each page of a list of screenings to each, from a cursor on.
async function walk(list, cursor, each) {
  for (let page = 0; page < pagesMax; page++) {
    const answer = await call("GET", `/v1/screenings?limit=100&${list}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    each(answer.items, answer.next_cursor);
    if (!answer.next_cursor) return;
    cursor = answer.next_cursor;
  }
}
