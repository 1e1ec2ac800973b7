// What the server says, in the language of the page: its codes, its sentences and why it has refused something.

import { separated } from "./admin_money_words.js";
import { CallError } from "./calls.js";
import { currentLanguage, hasText, locale, problemDetail, text } from "./i18n.js";
import { nameOf } from "./signin.js";

// wordOf is a value of the API in words, or as it is while the catalogues have none for it.
export const wordOf = (key, value) => (hasText(key) ? text(key) : value);

const exact = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

// exactTime is a time to the second, in the zone of the browser.
export const exactTime = (time) => (time ? new Intl.DateTimeFormat(locale(), exact).format(new Date(time)) : null);

const units = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000], ["millisecond", 1]];

// lengthOf is a time span by its two largest units.
function lengthOf(milliseconds) {
  const first = units.findIndex(([, size]) => milliseconds >= size);
  let left = milliseconds;
  const parts = units.slice(first).slice(0, 2).map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return [count, unit];
  });
  return parts.filter(([count], place) => count > 0 || place === 0)
    .map(([count, unit]) => new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(count)).join(" ");
}

const states = (group) => (value) => wordOf(`${group}.${value.toLowerCase()}`, value);
const kinds = {
  order_status: states("orderstate"), tickets: states("place"), refund_state: states("refundstate"), refund_reason: states("why"),
  payment_result: states("money"), cancel_reason: states("cause"), provider: states("provider"), act: states("act"),
  mail: states("mail"), channel: states("channel"),
  error: (value) => (currentLanguage() === "en" ? value : text("admin.in_the_log")), // which is English
};

const people = ["actor", "buyer"]; // values that are ids of people

// valueOf is a value of a sentence in words.
function valueOf(value) {
  if (value === null || typeof value !== "object") return value;
  if (value.kind) return kinds[value.kind]?.(value.value) ?? value.value;
  if (value.time) return exactTime(value.time);
  return value.currency ? separated(value.amount, value.currency) : lengthOf(value.milliseconds);
}

// sentences says what the server has told by codes; plain are the same words in English, for a code that is newer than this page.
export function sentences(said, plain) {
  if (!said?.length || said.some(({ code }) => !hasText(`said.${code}`))) return plain;
  return said.map(({ code, values }) =>
    text(`said.${code}`, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, people.includes(name) ? nameOf(value) : valueOf(value)])))).join(text("admin.joint"));
}

// problemWords says why a call failed: as exactly as the server does, which names the field, the limit or the state.
export function problemWords(error) {
  if (!(error instanceof CallError)) throw error;
  if (error.status === 0) return text("problem.no_answer");
  const words = currentLanguage() === "en" ? error.message : problemDetail(error.code);
  return sentences(error.said && [error.said], words || text("admin.failed", { code: error.code, detail: error.message }));
}
