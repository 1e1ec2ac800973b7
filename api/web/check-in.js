// The page of the staff at a door: it reads codes by the camera, or typed ones, and says in green or red whether somebody may
// come in. Its token is its own: the same browser may have a buyer signed in. Without one the sign-in of the browser counts.

import { CallError, me, signInMethods, signOut } from "./calls.js";
import { onAnswerClosed, placeOf, refusalOf, showAnswer } from "./door_answer.js";
import * as calls from "./door_calls.js";
import { judge, keepList, listOf } from "./door_list.js";
import * as queue from "./door_queue.js";
import { endsCheckIn, waitingList } from "./door_waiting.js";
import { clockTime, shortTime } from "./format.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { scan } from "./scanner.js";
import { session } from "./session.js";
import { subjectOf } from "./signin.js";

const triesMax = 5;
const sameCodeWait = 4000; // a code that stays before the camera is one check-in
const countWait = 10_000;
const listWait = 120_000; // between two loads of the list of tickets
const listedWait = 4000; // for an answer, where there is a list
const recent = 12 * 3600_000;
const anyScreening = "*"; // which is no id: chosen where one door leads to several halls
const soon = { before: 2 * 3600_000, after: 4 * 3600_000 }; // what begins within these hours is what a door is for

const $ = (id) => document.getElementById(id);
const demo = document.body.dataset.demo === "yes";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = { code: "", at: 0 };
let checked = ""; // the code that is being checked, or whose answer is read
let busy = false;
let stopCamera = null;

const stored = {
  get token() { return localStorage.getItem("staff-token") || ""; },
  set token(text) { if (text) localStorage.setItem("staff-token", text); else localStorage.removeItem("staff-token"); },
  get gate() { return localStorage.getItem("gate") || ""; },
  set gate(text) { localStorage.setItem("gate", text); },
  get byList() { return localStorage.getItem("door-by-list") === "yes"; },
  set byList(yes) { localStorage.setItem("door-by-list", yes ? "yes" : "no"); },
};

function say(words) {
  $("message").textContent = words;
}

const ask = ({ key, code, body }, wait) => calls.checkIn(stored.token, key, { code, ...body }, wait);

const list = waitingList($("waiting"), {
  ask: (entry) => ask(entry), mayAsk: () => !busy && !$("door").hidden, current: () => checked, settled: () => count(), refused: (error) => leave(refusalOf(error)[0]),
});

function showAdmitted({ ticket, screening }) {
  showAnswer("good", text("door.admitted"), text("ticket.number", { number: ticket.number, of: ticket.of }), screening ? placeOf(screening) : "");
}

function showRefused(error) {
  const words = refusalOf(error);
  if (error.status === 401 || error.status === 403) leave(words[0]);
  showAnswer("bad", ...words);
}

// isReady tells whether the door knows what it is for, and asks for it otherwise.
function isReady() {
  const ready = $("screening").value !== "";
  say(ready ? "" : text("door.choose_first"));
  if (!ready) $("screening").focus();
  return ready;
}

async function check(code) {
  if (busy || code === "" || !isReady()) return;
  const body = { gate: stored.gate };
  if ($("screening").value !== anyScreening) body.screening_id = $("screening").value;
  const entry = queue.take(code, body);
  if (!entry) {
    say(text("door.full"));
    return;
  }
  busy = true;
  checked = code;
  try {
    if (entry.admittedAt) showIsIn(entry);
    else if (listOf(body.screening_id)) await askOrLook(entry);
    else await askUntilAnswered(entry);
  } catch (error) {
    showAnswer("bad", text("refused.no_answer")); // else nobody could go on
    throw error;
  }
  count();
}

// showIsIn refuses a code by which this door has let somebody in, of which the office has not heard yet.
function showIsIn({ admittedAt, body }) {
  showRefused({ code: "ticket_used", problem: { used_at: new Date(admittedAt).toISOString(), used_gate: body.gate } });
}

// askOrLook sends a code once, and without an answer goes by the list.
async function askOrLook(entry) {
  try {
    showAdmitted(await ask(entry, listedWait));
    queue.drop(entry.code);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (endsCheckIn(error)) queue.drop(entry.code);
    if (!error.retryable) showRefused(error);
    else await look(entry);
  }
}

async function look(entry) {
  const found = await judge(entry.code);
  if (found?.ticket && queue.admit(entry.code)) {
    const { number, of } = found.ticket;
    showAnswer("good", text("door.admitted"), text("ticket.number", { number, of }), text("door.by_list", { time: clockTime(listOf(entry.body.screening_id).at) }));
  } else if (found?.refused) {
    queue.drop(entry.code);
    showRefused(found.refused);
  } else {
    showRefused(new CallError(0, {}));
  }
}

// load loads the list of the door's screening, if it is to be gone by.
async function load() {
  const id = $("screening").value;
  try {
    await keepList(stored.token, stored.byList && id !== anyScreening && !$("door").hidden ? id : "");
  } catch {
    say(text("door.no_list"));
  }
  const list = listOf(id);
  $("list-state").textContent = list ? text("door.list_of", { time: clockTime(list.at), count: list.count }) : "";
}

// askUntilAnswered sends a code until it is answered, at most triesMax times, always with the same key. Without an answer
// it stays in the list.
async function askUntilAnswered(entry) {
  for (let tries = 1, wait = 400; ; tries++, wait *= 2) {
    try {
      showAdmitted(await ask(entry));
      queue.drop(entry.code);
      return;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (endsCheckIn(error)) queue.drop(entry.code);
      if (!error.retryable || tries === triesMax) {
        showRefused(error.retryable ? new CallError(0, {}) : error);
        return;
      }
      showAnswer("wait", text("door.trying"));
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
  say("");
  if (stopCamera) {
    stopCamera();
    stopCamera = null;
  } else {
    try {
      stopCamera = await scan($("video"), onCode);
      await navigator.wakeLock?.request("screen").catch(() => {}); // else the screen goes dark between guests
    } catch {
      say(text("door.no_camera"));
      $("code").focus();
    }
  }
  showCamera();
}

function showCamera() {
  $("video").hidden = stopCamera === null;
  $("camera").textContent = text(stopCamera ? "door.stop" : "door.scan");
}

async function count() {
  const id = $("screening").value;
  if (!id || id === anyScreening || $("door").hidden) {
    $("inside").textContent = "";
    return;
  }
  try {
    const { entered, sold } = await calls.counts(stored.token, id);
    if ($("screening").value === id) $("inside").textContent = text("door.inside", { entered, sold });
  } catch (error) {
    if (!(error instanceof CallError)) throw error; // else the numbers stay as they are
  }
}

// listScreenings offers those that begin today or later. The hash of the page can name one; else the one that begins about
// now is chosen, if there is one alone.
async function listScreenings() {
  let wanted = decodeURIComponent(location.hash.slice(1));
  $("screening").replaceChildren(new Option(text("door.choose"), ""), new Option(text("door.any"), anyScreening));
  try {
    const items = await calls.screenings(Date.now() - recent);
    for (const item of items) $("screening").add(new Option(`${shortTime(item.starts_at)} \u00b7 ${item.movie} \u00b7 ${item.venue}`, item.id));
    const now = items.map((item) => [item.id, Date.parse(item.starts_at) - Date.now()])
      .filter(([, begins]) => begins > -soon.before && begins < soon.after);
    if (wanted === "" && now.length === 1) wanted = now[0][0];
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    say(text("problem.no_answer"));
  }
  $("screening").value = wanted;
  if ($("screening").selectedIndex < 0) $("screening").selectedIndex = 0;
  count();
  load();
}

function showDoor() {
  $("sign-in").hidden = true;
  $("door").hidden = $("leave").hidden = false;
  listScreenings();
}

// open opens the door to whoever is signed in: by a token, or by the browser's cookie as a member of the staff.
async function open() {
  if (stored.token) return showDoor();
  const staff = ({ roles }) => roles.includes("staff") || roles.includes("admin");
  try {
    if (staff(await me())) return showDoor();
  } catch (error) {
    if (!(error instanceof CallError)) throw error; // nobody is signed in
  }
  leave();
  const methods = await signInMethods().catch(() => []);
  $("provider").hidden = !methods.includes("oidc");
}

function leave(why = "") {
  stored.token = "";
  if (stopCamera) toggleCamera();
  $("door").hidden = $("leave").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-message").textContent = why;
}

function translatePage() {
  translate(document);
  document.title = text("door.page_title");
  showCamera();
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = $("who").value.trim();
  if (given === "") return;
  try {
    stored.token = demo ? (await calls.staffToken(subjectOf(given))).token : given;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    $("sign-in-message").textContent = refusalOf(error)[0];
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
onAnswerClosed(() => {
  seen.at = performance.now(); // the code that was just answered may still be before the camera
  busy = false;
  checked = "";
  list.show();
});
$("camera").addEventListener("click", toggleCamera);
$("leave").addEventListener("click", async () => {
  const byCookie = stored.token === "";
  leave();
  if (!byCookie) return;
  try {
    const provider = await signOut();
    session.close();
    if (provider) location.assign(provider);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    $("sign-in-message").textContent = text("door.still_signed_in");
  }
});
session.onChange(() => { if (!stored.token) open(); }); // somebody else may be signed in by cookie now
$("gate").addEventListener("change", () => { stored.gate = $("gate").value.trim(); });
$("screening").addEventListener("change", () => {
  history.replaceState(null, "", $("screening").value ? `#${encodeURIComponent($("screening").value)}` : location.pathname);
  say("");
  count();
  load();
});
$("by-list").addEventListener("change", () => {
  stored.byList = $("by-list").checked;
  load();
});
setInterval(load, listWait);
setInterval(() => { if (!document.hidden && !$("door").hidden) count(); }, countWait);

translatePage();
showLanguage(() => {
  translatePage();
  list.show();
  if (!$("door").hidden) listScreenings();
});
$("gate").value = stored.gate;
$("by-list").checked = stored.byList;
open();
