// The page of the staff at a door: it reads codes by the camera, or typed ones, and says in green or red whether somebody may
// come in. Its token is its own: the same browser may have a buyer signed in. Without one the sign-in of the browser counts.

import { newKey } from "./key.js";
import * as calls from "./ticket-calls.js";
import { scan } from "./scanner.js";
import { session } from "./session.js";
import { dayOf, t, timeOf, translate } from "./ticket-texts.js";

const triesMax = 5;
const goodWait = 1800; // a green answer goes by itself, a red one is for somebody to read
const sameCodeWait = 4000; // a code that stays before the camera is one check-in
const countWait = 10_000;
const recent = 12 * 3600_000;
const anyScreening = "*"; // which is no id: chosen where one door leads to several halls
const soon = { before: 2 * 3600_000, after: 4 * 3600_000 }; // what begins within these hours is what a door is for
const openKeysMax = 1000;

const $ = (id) => document.getElementById(id);
const demo = document.body.dataset.demo === "yes";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = { code: "", at: 0 };
const openKeys = new Map(); // by code: of check-ins whose end is not known, since every answer was lost
let busy = false; // a code is being checked, or its answer read
let stopCamera = null;
let closeTimer = 0;

const stored = {
  get token() { return localStorage.getItem("staff-token") || ""; },
  set token(text) { if (text) localStorage.setItem("staff-token", text); else localStorage.removeItem("staff-token"); },
  get gate() { return localStorage.getItem("gate") || ""; },
  set gate(text) { localStorage.setItem("gate", text); },
};

function signal(good) {
  navigator.vibrate?.(good ? 60 : [200, 100, 200]);
}

function showAnswer(kind, title, detail = "", more = "") {
  clearTimeout(closeTimer);
  $("answer").dataset.kind = kind;
  $("answer-sign").textContent = { good: "\u2713", bad: "\u2717", wait: "\u2026" }[kind];
  $("answer-title").textContent = title;
  $("answer-detail").textContent = detail;
  $("answer-more").textContent = more;
  if (!$("answer").open) $("answer").showModal();
  if (kind === "good") closeTimer = setTimeout(() => $("answer").close(), goodWait);
}

function showAdmitted({ ticket, screening }) {
  signal(true);
  showAnswer("good", t.admitted, t.seat(ticket.number, ticket.of),
    screening ? `${screening.movie} \u00b7 ${screening.venue} \u00b7 ${dayOf(screening.starts_at)}` : "");
}

function showRefused(error) {
  signal(false);
  if (error.status === 401 || error.status === 403) leave(t[error.code] || error.message);
  const { used_at: at, used_gate: gate } = error.problem;
  showAnswer("bad", t[error.code] || error.message, at ? t.usedAt(timeOf(at), gate) : "");
}

// keyOf returns the key of a code's check-in: the same until it has ended, for the guest may be in by an answer that was lost.
function keyOf(code) {
  if (!openKeys.has(code)) {
    if (openKeys.size >= openKeysMax) openKeys.delete(openKeys.keys().next().value);
    openKeys.set(code, newKey());
  }
  return openKeys.get(code);
}

// endsCheckIn tells whether a refusal is of the ticket, not of who asks or of a part that is away.
function endsCheckIn(error) {
  return !error.retryable && error.status !== 401 && error.status !== 403;
}

// isReady tells whether the door knows what it is for, and asks for it otherwise.
function isReady() {
  const ready = $("screening").value !== "";
  $("message").textContent = ready ? "" : t.chooseFirst;
  if (!ready) $("screening").focus();
  return ready;
}

async function check(code) {
  if (busy || code === "" || !isReady()) return;
  busy = true;
  try {
    await askUntilAnswered(code);
  } catch (error) {
    showAnswer("bad", t.no_answer); // else nobody could go on
    throw error;
  }
  count();
}

// askUntilAnswered sends a code until it is answered, at most triesMax times, always with the same key.
async function askUntilAnswered(code) {
  const key = keyOf(code);
  const body = { code, gate: stored.gate };
  if ($("screening").value !== anyScreening) body.screening_id = $("screening").value;
  for (let tries = 1, wait = 400; ; tries++, wait *= 2) {
    try {
      showAdmitted(await calls.checkIn(stored.token, key, body));
      openKeys.delete(code);
      return;
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
      if (endsCheckIn(error)) openKeys.delete(code);
      if (!error.retryable || tries === triesMax) {
        showRefused(error.retryable ? new calls.CallError(0, {}) : error);
        return;
      }
      showAnswer("wait", t.trying);
      await sleep(wait);
    }
  }
}

function onCode(code) {
  if (!isReady()) return;
  const again = code === seen.code && performance.now() - seen.at < sameCodeWait;
  Object.assign(seen, { code, at: performance.now() });
  if (!again) check(code);
}

async function toggleCamera() {
  $("message").textContent = "";
  if (stopCamera) {
    stopCamera();
    stopCamera = null;
  } else {
    try {
      stopCamera = await scan($("video"), onCode);
      await navigator.wakeLock?.request("screen").catch(() => {}); // else the screen goes dark between guests
    } catch {
      $("message").textContent = t.noCamera;
      $("code").focus();
    }
  }
  $("video").hidden = stopCamera === null;
  $("camera").textContent = stopCamera ? t.stopCamera : t.camera;
}

async function count() {
  const id = $("screening").value;
  if (!id || id === anyScreening || $("door").hidden) {
    $("inside").textContent = "";
    return;
  }
  try {
    const { entered, sold } = await calls.counts(stored.token, id);
    if ($("screening").value === id) $("inside").textContent = t.inside(entered, sold);
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error; // else the numbers stay as they are
  }
}

// listScreenings offers those that begin today or later. The hash of the page can name one; else the one that begins about
// now is chosen, if there is one alone.
async function listScreenings() {
  let wanted = decodeURIComponent(location.hash.slice(1));
  $("screening").replaceChildren(new Option(t.chooseScreening, ""), new Option(t.anyScreening, anyScreening));
  try {
    const items = await calls.screenings(Date.now() - recent);
    for (const item of items) {
      $("screening").add(new Option(`${dayOf(item.starts_at)} \u00b7 ${item.movie} \u00b7 ${item.venue}`, item.id));
    }
    const now = items.map((item) => [item.id, Date.parse(item.starts_at) - Date.now()])
      .filter(([, begins]) => begins > -soon.before && begins < soon.after);
    if (wanted === "" && now.length === 1) wanted = now[0][0];
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    $("message").textContent = t.no_answer;
  }
  $("screening").value = wanted;
  if ($("screening").selectedIndex < 0) $("screening").selectedIndex = 0;
  count();
}

function showDoor() {
  $("sign-in").hidden = true;
  $("door").hidden = false;
  listScreenings();
}

// open opens the door to whoever is signed in: by a token, or by the browser's cookie as a member of the staff.
async function open() {
  if (stored.token) return showDoor();
  const staff = ({ roles }) => roles.includes("staff") || roles.includes("admin");
  try {
    if (staff(await calls.me())) return showDoor();
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error; // nobody is signed in
  }
  leave();
  const methods = await calls.signInMethods().catch(() => ({ methods: [] }));
  $("provider").hidden = !methods.methods.includes("oidc");
}

function leave(why = "") {
  stored.token = "";
  if (stopCamera) toggleCamera();
  $("door").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-message").textContent = why;
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = $("who").value.trim();
  if (given === "") return;
  try {
    stored.token = demo ? (await calls.staffToken(given)).token : given;
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    $("sign-in-message").textContent = t[error.code] || error.message;
    return;
  }
  $("who").value = "";
  $("sign-in-message").textContent = "";
  showDoor();
});
$("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!isReady()) return;
  const code = $("code").value.trim();
  $("code").value = "";
  check(code);
});
const isWaiting = () => $("answer").dataset.kind === "wait"; // nobody goes on before there is an answer
$("answer-close").addEventListener("click", () => { if (!isWaiting()) $("answer").close(); });
$("answer").addEventListener("cancel", (event) => { if (isWaiting()) event.preventDefault(); });
$("answer").addEventListener("close", () => {
  clearTimeout(closeTimer);
  seen.at = performance.now(); // the code that was just answered may still be before the camera
  busy = false;
});
$("camera").addEventListener("click", toggleCamera);
$("leave").addEventListener("click", async () => {
  const byCookie = stored.token === "";
  leave();
  if (!byCookie) return;
  try {
    await calls.signOut();
    session.close();
  } catch (error) {
    if (!(error instanceof calls.CallError)) throw error;
    $("sign-in-message").textContent = t.stillSignedIn;
  }
});
session.onChange(() => { if (!stored.token) open(); }); // somebody else may be signed in by cookie now
$("gate").addEventListener("change", () => { stored.gate = $("gate").value.trim(); });
$("screening").addEventListener("change", () => {
  history.replaceState(null, "", $("screening").value ? `#${encodeURIComponent($("screening").value)}` : location.pathname);
  $("message").textContent = "";
  count();
});
setInterval(() => { if (!document.hidden && !$("door").hidden) count(); }, countWait);

translate();
document.title = `boxoffice: ${t.checkIn}`;
$("gate").value = stored.gate;
open();
