// What becomes of a code that a door has read: the office is asked, or the list where it does not answer, and the answer shown.

import { CallError } from "./calls.js";
import { placeOf, refusalOf, showAnswer } from "./door_answer.js";
import * as calls from "./door_calls.js";
import { judge, learn } from "./door_list.js";
import * as queue from "./door_queue.js";
import { stored } from "./door_stored.js";
import { endsCheckIn, isAboutStaff } from "./door_waiting.js";
import { clockTime } from "./format.js";
import { text } from "./i18n.js";

const triesMax = 5;
const listedWait = 4000; // for an answer, where there is a list
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ask sends a code, and has the list learn what the office says of its ticket.
export async function ask({ key, code, body }, wait) {
  try {
    const answer = await calls.checkIn(stored.token, key, { code, ...body }, wait);
    learn(code, "used", answer.ticket.used_at);
    return answer;
  } catch (error) {
    if (error.code === "ticket_used") learn(code, "used", error.problem.used_at);
    if (error.code === "ticket_void") learn(code, "void");
    throw error;
  }
}

function showAdmitted({ ticket, screening }) {
  showAnswer("good", text("door.admitted"), text("ticket.number", { number: ticket.number, of: ticket.of }), screening ? placeOf(screening) : "");
}

// checker makes what decides about a code. refused is called when whoever asks is refused, not the ticket.
export function checker(refused) {
  function showRefused(error) {
    if (isAboutStaff(error)) refused(error);
    showAnswer("bad", ...refusalOf(error));
  }

  // showIsIn refuses a code by which this door has let somebody in, of which the office has not heard yet.
  function showIsIn({ admittedAt, body }) {
    showRefused({ code: "ticket_used", problem: { used_at: new Date(admittedAt).toISOString(), used_gate: body.gate } });
  }

  // askOrLook sends a code once, and without an answer goes by the list, which was loaded at listedAt.
  async function askOrLook(entry, listedAt) {
    try {
      showAdmitted(await ask(entry, listedWait));
      queue.drop(entry.code);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (endsCheckIn(error)) queue.drop(entry.code);
      if (!error.retryable) showRefused(error);
      else await look(entry, listedAt);
    }
  }

  // look goes by the list, and by what the office has answered to a code that waits.
  async function look(entry, listedAt) {
    const found = await judge(entry.code);
    const ticket = entry.answer?.ticket ?? found?.ticket;
    const before = queue.admitted(entry.code); // also by another tab
    if (before) {
      if (before.code !== entry.code) queue.drop(entry.code);
      showIsIn(before);
    } else if (ticket && queue.admit(entry)) {
      const { number, of } = ticket;
      showAnswer("good", text("door.admitted"), text("ticket.number", { number, of }), text("door.by_list", { time: clockTime(listedAt) }));
    } else if (found?.refused) {
      queue.drop(entry.code);
      showRefused(found.refused);
    } else {
      showRefused(new CallError(0, {}));
    }
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

  return {
    // decide sends an entry, and goes by the list where there is one, which was loaded at listedAt.
    async decide(entry, listedAt = 0) {
      if (entry.admittedAt) showIsIn(entry);
      else if (listedAt) await askOrLook(entry, listedAt);
      else await askUntilAnswered(entry);
    },
    refuse: showRefused,
  };
}
