// The list of the codes that wait for an answer, and what asks for it again.

import { CallError } from "./calls.js";
import { refusalOf } from "./door_answer.js";
import * as queue from "./door_queue.js";
import { element, reconcile, setText } from "./dom.js";
import { clockTime } from "./format.js";
import { text } from "./i18n.js";

const pause = 2000;

// isAboutStaff tells whether a refusal is of who asks: whoever has signed in may not, or not any more.
export const isAboutStaff = (error) => error.status === 401 || error.status === 403;

// endsCheckIn tells whether a refusal is of the ticket, not of who asks or of a part that is away.
export const endsCheckIn = (error) => !error.retryable && !isAboutStaff(error);

// wordsOf says how an entry stands: its kind, and two lines.
function wordsOf({ at, answer, admittedAt }) {
  const read = text("door.read_at", { time: clockTime(at) });
  if (admittedAt) return ["bad", text("door.let_in_wrongly", { why: refusalOf(answer.refused)[0] }), read];
  if (!answer) return ["wait", text("door.no_answer_yet"), read];
  if (answer.refused) return ["bad", ...refusalOf(answer.refused)];
  return ["good", text("door.admitted"), `${text("ticket.number", answer.ticket)} \u00b7 ${read}`];
}

function makeRow({ code }, changed) {
  const title = element("strong");
  const more = element("p", { class: "muted" });
  const button = element("button", { type: "button", class: "quiet", click: () => { queue.drop(code); changed(); } });
  const root = element("li", {}, element("div", {}, title, more), button);
  return {
    root,
    show(entry) {
      const [kind, ...words] = wordsOf(entry);
      root.dataset.kind = kind;
      setText(title, words[0]);
      setText(more, words[1]);
      setText(button, text(entry.answer ? "door.seen" : "door.give_up"));
    },
  };
}

// waitingList shows the codes in a section, but for the one that is being asked for, and those of guests that are in and for
// whom an answer is still to come. It asks for one at a time while it may. ask sends an entry; settled is called when one has an answer, and refused when whoever asks is refused.
export function waitingList(section, { ask, mayAsk, current, settled, refused }) {
  const parts = new Map();
  const list = section.querySelector("ul");
  let asking = false;

  function show() {
    const entries = queue.waiting().filter(({ code, admittedAt, answer }) => code !== current() && !(admittedAt && !answer));
    section.hidden = entries.length === 0;
    reconcile(list, parts, entries.map((entry) => ({ ...entry, id: entry.code })), (entry) => makeRow(entry, show));
  }

  async function askNext() {
    const entry = queue.waiting().find(({ answer }) => !answer);
    if (!entry || asking || !mayAsk()) return;
    asking = true;
    let again = false;
    try {
      const { ticket: { number, of } } = await ask(entry);
      if (entry.admittedAt) queue.drop(entry.code);
      else queue.answered(entry.code, { ticket: { number, of } });
      settled();
      again = true;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (endsCheckIn(error)) queue.answered(entry.code, { refused: { code: error.code, message: error.message, problem: error.problem } });
      else if (!error.retryable) refused(error);
    } finally {
      asking = false;
      show();
    }
    if (again) askNext();
  }

  setInterval(askNext, pause);
  show();
  return { show };
}
