// What a door says of a code, in green or red over the whole screen.

import { clockTime, shortTime } from "./format.js";
import { hasText, text } from "./i18n.js";
import { problemText } from "./problem.js";

const goodWait = 1800; // a green answer goes by itself, a red one is for somebody to read
const tonight = 12 * 3600_000;
const $ = (id) => document.getElementById(id);
let closeTimer = 0;
let isRead = true; // nobody has an answer before him
let whenClosed = () => {};

// close takes the answer away and lets the next code in at once: the event "close" comes a moment later, and a code that was
// typed until then would be lost.
function close() {
  $("answer").close();
  over();
}

function over() {
  clearTimeout(closeTimer);
  if (isRead) return;
  isRead = true;
  whenClosed();
}

export function showAnswer(kind, title, detail = "", more = "") {
  clearTimeout(closeTimer);
  $("answer").dataset.kind = kind;
  $("answer-sign").textContent = { good: "\u2713", bad: "\u2717", wait: "\u2026" }[kind];
  $("answer-title").textContent = title;
  $("answer-detail").textContent = detail;
  $("answer-more").textContent = more;
  isRead = false;
  if (!$("answer").open) $("answer").showModal();
  if (kind === "good") closeTimer = setTimeout(close, goodWait);
  if (kind !== "wait") navigator.vibrate?.(kind === "good" ? 60 : [200, 100, 200]);
}

// onAnswerClosed calls back when somebody may go on. Nobody does before there is an answer.
export function onAnswerClosed(closed) {
  whenClosed = closed;
  const isWaiting = () => $("answer").dataset.kind === "wait";
  $("answer-close").addEventListener("click", () => { if (!isWaiting()) close(); });
  $("answer").addEventListener("cancel", (event) => { if (isWaiting()) event.preventDefault(); });
  $("answer").addEventListener("close", () => { if (!$("answer").open) over(); }); // by a key; another answer may be there by now
}

// placeOf says what a ticket is for.
export const placeOf = ({ movie, venue, starts_at: at }) => `${movie} \u00b7 ${venue} \u00b7 ${shortTime(at)}`;

// refusalOf is a refusal in words: what is wrong, and what the problem brings of its own.
export function refusalOf(error) {
  const key = `refused.${error.code}`;
  return [hasText(key) ? text(key) : problemText(error), detailOf(error.problem)];
}

function detailOf({ used_at: at, used_gate: gate, screening }) {
  if (screening) return placeOf(screening);
  if (!at) return "";
  const time = Math.abs(Date.now() - Date.parse(at)) < tonight ? clockTime(at) : shortTime(at);
  return gate ? text("door.used_gate", { time, gate }) : time;
}
