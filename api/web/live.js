// What stands between a page and the server's changes. follow shows one order or one screening as it changes: by the server's
// stream of events, or, where there is none or while it fails, by asking again and again. The page cannot tell which.

import { CallError, call, credentials, refused } from "./calls.js";
import { session } from "./session.js";

const pollWait = 1000;
const waitMax = 15_000;
const streamWaitMax = 30_000;
const silenceMax = 45_000; // of a stream, whose heartbeats come every 15 s
const eventBytesMax = 1 << 20;

// textsOf are what an event of a screening says only when it is another: see /v1/screenings/{id}/events.
const textsOf = ({ description, poster_url, map_url }) => ({ description, poster_url, map_url });

const links = new Set();
let streams = true; // until the server says that it has none
const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});
const jitter = (ms) => ms * (0.85 + 0.3 * Math.random());

// onLink calls back with true when the server answers, and with false when it does not.
export const onLink = (listener) => links.add(listener);
function reportLink(up) {
  for (const listener of links) listener(up);
}

// shown resolves when the tab is seen: a hidden one asks nothing, and holds no stream.
async function shown(signal) {
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true, signal });
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}

// repeat calls poll, which returns the wait before the next call, until stop. Each failure that may pass doubles the wait;
// one that may not, such as "not found", ends it, as does poll by returning Infinity.
export function repeat(poll, onError = () => {}) {
  const ending = new AbortController();
  let wake = () => {};
  const run = async () => {
    for (let wait = pollWait; !ending.signal.aborted;) {
      await shown(ending.signal);
      if (ending.signal.aborted) return;
      try {
        wait = await poll();
        reportLink(true);
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        reportLink(!error.retryable);
        if (!ending.signal.aborted) onError(error);
        if (!error.retryable) return;
        wait = Math.min(waitMax, Math.max(pollWait, wait) * 2);
      }
      if (wait === Infinity) return;
      await Promise.race([sleep(jitter(wait), ending.signal), new Promise((resolve) => { wake = resolve; })]);
    }
  };
  run();
  return { wake: () => wake(), stop: () => ending.abort() };
}

// follow calls show with the state at path, at once and whenever it changes. pace returns the wait until it is asked for again
// where there is no stream; Infinity says that this state is the last.
export function follow(path, event, { show, pace = () => pollWait, onError }) {
  const ending = new AbortController();
  let lastID = "";
  let state = null;
  let streamAt = 0; // when a stream is tried next
  let streamWait = pollWait;
  const take = (answer) => {
    if (ending.signal.aborted) return;
    state = answer;
    show(answer);
  };
  const takeEvent = (answer) => take(event === "screening" ? { ...textsOf(state), ...answer } : answer);
  const polling = repeat(async () => {
    take(await call("GET", path));
    if (ending.signal.aborted) return Infinity; // the page was left before it had anything to show, and there is no state
    if (streams && performance.now() >= streamAt && pace(state) !== Infinity) {
      const begunAt = performance.now();
      lastID = await readStream(path, event, takeEvent, lastID, ending.signal);
      streamWait = performance.now() - begunAt > streamWaitMax ? pollWait : Math.min(streamWaitMax, streamWait * 2);
      streamAt = performance.now() + streamWait;
    }
    return pace(state);
  }, onError);
  return { wake: polling.wake, stop: () => { ending.abort(); polling.stop(); } };
}

// readStream reads events until the stream ends, fails or falls silent, the tab is hidden, or signal says so. It returns the
// id of the last one. It throws nothing: whoever asks next will see the failure.
async function readStream(path, event, take, lastID, signal) {
  const ending = new AbortController();
  const end = () => ending.abort();
  const endHidden = () => { if (document.hidden) end(); };
  signal.addEventListener("abort", end);
  document.addEventListener("visibilitychange", endHidden);
  let timer = setTimeout(end, silenceMax);
  const alive = () => { // its heartbeats, too, say that the server answers
    clearTimeout(timer);
    timer = setTimeout(end, silenceMax);
    reportLink(true);
  };
  const { token } = session;
  try {
    const headers = { Accept: "text/event-stream", ...credentials(), ...(lastID ? { "Last-Event-ID": lastID } : {}) };
    const response = await fetch(`${path}/events`, { headers, cache: "no-store", signal: ending.signal });
    if (response.status === 404 || response.status === 405) streams = false;
    if (response.status === 401) refused(token);
    if (!response.ok || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) return lastID;
    reportLink(true);
    for await (const { id, name, data } of events(response.body, alive)) {
      lastID = id;
      if (name === event) take(JSON.parse(data));
    }
  } catch { // ended, lost, or not an event's JSON
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    document.removeEventListener("visibilitychange", endHidden);
    end();
  }
  return lastID;
}

// events reads Server-Sent Events: lines "field: value", an event ends at an empty line, and a line that begins with a colon
// is a heartbeat.
async function* events(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", id = "", name = "message", data = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    if (rest.length > eventBytesMax) return;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { id, name, data: data.join("\n") };
        name = "message";
        data = [];
        continue;
      }
      const [, field, text] = line.match(/^([^:]*)(?:: ?(.*))?$/s);
      if (field === "id") id = text ?? "";
      else if (field === "event") name = text ?? "";
      else if (field === "data") data.push(text ?? "");
    }
  }
}
