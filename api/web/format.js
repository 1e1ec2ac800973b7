// Numbers, money and times as people of the current language write them.

import { now } from "./clock.js";
import { digits } from "./currencies.js";
import { locale, text } from "./i18n.js";

const made = new Map(); // formats are costly to make, and few

function format(type, options) {
  const key = JSON.stringify([type.name, locale(), options]);
  if (!made.has(key)) made.set(key, new type(locale(), options));
  return made.get(key);
}

export const number = (n) => format(Intl.NumberFormat, {}).format(n);

// digitsOf is how many digits the minor unit of a currency has: 2 of a yuan, 0 of a yen, 3 of a dinar. It is what the server
// says: browsers leave the hundredths of some currencies out.
export const digitsOf = (currency) => digits[currency] ?? 2;

// money formats an amount of minor units.
export function money({ amount, currency }) {
  try {
    const count = digitsOf(currency);
    const options = { style: "currency", currency, minimumFractionDigits: count, maximumFractionDigits: count };
    return format(Intl.NumberFormat, options).format(amount / 10 ** count);
  } catch {
    return `${number(amount)} ${currency}`;
  }
}

export const times = (price, quantity) => ({ amount: price.amount * quantity, currency: price.currency });

const short = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const long = { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

// The times of a page are those of the office, where its halls are, and name its zone to whoever is in another one. The console
// names no zone, and has the browser's, in which its form is filled in.
function zoneOf(name) {
  if (!name) return {};
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    return timeZone === Intl.DateTimeFormat().resolvedOptions().timeZone ? {} : { timeZone, timeZoneName: "short" };
  } catch {
    return {}; // a zone that this browser does not know
  }
}
const zone = zoneOf(document.documentElement.dataset.zone);
const { timeZone } = zone;

const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

const yearOf = (at) => format(Intl.DateTimeFormat, { year: "numeric", timeZone }).format(at);

// shortTime leaves out the year if it is this one.
export function shortTime(time) {
  const at = new Date(time);
  const year = yearOf(at) === yearOf(new Date(now())) ? {} : { year: "numeric" };
  return format(Intl.DateTimeFormat, { ...short, ...year, ...zone }).format(at);
}
export const longTime = (time) => format(Intl.DateTimeFormat, { ...long, ...zone }).format(new Date(time));

export const clockTime = (time) => format(Intl.DateTimeFormat, { ...clock, ...zone }).format(new Date(time));

// countdown formats seconds as m:ss, h:mm:ss, or days once there are two.
export function countdown(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  if (days > 1) return text("time.days", { count: days });
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
