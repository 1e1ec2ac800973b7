// The page of the staff at a door: it reads codes by the camera, or typed ones, and says in green or red whether somebody may
// come in. Its token is its own: the same browser may have a buyer signed in. Without one the sign-in of the browser counts.

import { CallError, signInMethods, signOut } from "./calls.js";
import { onAnswerClosed, refusalOf, showAnswer } from "./door_answer.js";
import * as calls from "./door_calls.js";
import { cameraPart } from "./door_camera.js";
import { ask, checker } from "./door_check.js";
import { read } from "./door_code.js";
import { keepList, listOf } from "./door_list.js";
import * as queue from "./door_queue.js";
import { stored } from "./door_stored.js";
import { isAboutStaff, waitingList } from "./door_waiting.js";
import { clockTime, shortTime } from "./format.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { session } from "./session.js";
import { subjectOf } from "./signin.js";

const sameCodeWait = 4000; // a code that stays before the camera is one check-in
const countWait = 10_000;
const listWait = 120_000; // between two loads of the list of tickets
const recent = 12 * 3600_000;
const anyScreening = "*"; // which is no id: chosen where one door leads to several halls
const soon = { before: 2 * 3600_000, after: 4 * 3600_000 }; // what begins within these hours is what a door is for

const $ = (id) => document.getElementById(id);
const demo = document.body.dataset.demo === "yes";
const seen = { code: "", at: 0 };
let checked = ""; // the code that is being checked, or whose answer is read
let busy = false;
let leftBy = null; // the refusal by which the door was closed

function say(words) {
  $("message").textContent = words;
}

const list = waitingList($("waiting"), {
  ask, mayAsk: () => !busy && !$("door").hidden, current: () => checked, settled: () => count(), refused: leave,
});

const deciding = checker(leave);
const camera = cameraPart($("camera"), $("video"), {
  onCode,
  pressed: () => say(""),
  failed() {
    say(text("door.no_camera"));
    $("code").focus();
  },
});

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
  const isCode = read(code) !== null;
  const entry = isCode ? queue.admitted(code) ?? queue.take(code, body) : null;
  if (isCode && !entry) {
    say(text("door.full"));
    return;
  }
  busy = true;
  checked = code;
  try {
    if (!isCode) deciding.refuse({ code: "ticket_invalid", problem: {} }); // the office would say the same
    else await deciding.decide(entry, listOf(body.screening_id)?.at);
  } catch (error) {
    showAnswer("bad", text("refused.no_answer")); // else nobody could go on
    throw error;
  }
  count();
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

function onCode(code) {
  if (!isReady()) return;
  const again = code === seen.code && performance.now() - seen.at < sameCodeWait;
  Object.assign(seen, { code, at: performance.now() });
  if (!again) check(code);
}

async function count() {
  const id = $("screening").value;
  if (!id || id === anyScreening || $("door").hidden) {
    $("inside").textContent = "";
    return;
  }
  const { token } = stored;
  try {
    const { entered, sold } = await calls.counts(token, id);
    if ($("screening").value === id) $("inside").textContent = text("door.inside", { entered, sold });
  } catch (error) {
    if (!(error instanceof CallError)) throw error; // else the numbers stay as they are
    if (isAboutStaff(error) && stored.token === token) leave(error);
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
  showChosen();
  count();
  load();
}

// showChosen shows the whole name of what the door is for: on a phone the list cuts the hall off.
function showChosen() {
  const { value, selectedOptions } = $("screening");
  $("chosen").textContent = value === "" || value === anyScreening ? "" : selectedOptions[0].textContent;
}

function showDoor() {
  $("sign-in").hidden = true;
  $("door").hidden = $("leave").hidden = false;
  leftBy = null;
  showLeft();
  listScreenings();
}

// open opens the door to whoever is signed in: by a token, or by the browser's cookie as a member of the staff. With a token it
// is open until the office says what that is worth, since it may be away.
async function open() {
  const { token } = stored;
  if (token) showDoor();
  let refusal = null;
  try {
    const { roles } = await calls.whoIs(token);
    if (!roles.includes("staff") && !roles.includes("admin")) refusal = { code: "forbidden", problem: {} };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (!token || isAboutStaff(error)) refusal = error;
  }
  if (stored.token !== token) return; // somebody else is signed in by now
  if (refusal) leave(token ? refusal : null); // of a cookie nobody has asked
  else if (!token) showDoor();
}

// leave closes the door. The codes that wait for an answer stay, for whoever signs in next.
async function leave(refusal = null) {
  stored.token = "";
  camera.close();
  $("door").hidden = $("leave").hidden = true;
  $("sign-in").hidden = false;
  leftBy = refusal;
  showLeft();
  if (document.activeElement === document.body) $("who").focus();
  const methods = await signInMethods().catch(() => []);
  $("provider").hidden = !methods.includes("oidc");
}

function showLeft() {
  $("sign-in-message").textContent = leftBy ? refusalOf(leftBy)[0] : "";
}

function translatePage() {
  translate(document);
  document.title = text("door.page_title");
  camera.show();
  showLeft();
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
  open();
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
  if (document.activeElement === $("code")) { // Chromium has left the caret in the answer, and what is typed next would be lost
    $("code").blur();
    $("code").focus();
  }
});
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
  showChosen();
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
