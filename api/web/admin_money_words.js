// Amounts as operators type them, in major units of a currency, and as the API has them, in minor units.

import { digitsOf } from "./format.js";
import { locale, text } from "./i18n.js";

// toMinor returns an amount in minor units, or null for what is no amount of this currency. It counts digits and never
// multiplies a fraction.
export function toMinor(typed, currency) {
  const digits = digitsOf(currency);
  const match = typed.trim().match(/^(\d{1,13})(?:\.(\d*))?$/);
  if (!match || (match[2] ?? "").length > digits) return null;
  const minor = Number(match[1] + (match[2] ?? "").padEnd(digits, "0"));
  return Number.isSafeInteger(minor) && minor > 0 ? minor : null;
}

// toMajor writes an amount as a field has it: 49.00.
export function toMajor({ amount, currency }) {
  const digits = digitsOf(currency);
  const written = String(amount).padStart(digits + 1, "0");
  return digits === 0 ? written : `${written.slice(0, -digits)}.${written.slice(-digits)}`;
}

// amountWords says how an amount of a currency is to be typed, to somebody who typed something else: 12,50, nothing, or half a yen.
export const amountWords = (currency) => text("admin.bad_amount", { example: toMajor({ amount: 125 * 10 ** digitsOf(currency), currency }) });

// separated writes an amount of any size exactly, with its separators and its currency.
export function separated(amount, currency) {
  const negative = amount < 0;
  const [whole, rest] = toMajor({ amount: Math.abs(amount), currency }).split(".");
  const point = new Intl.NumberFormat(locale()).formatToParts(1.5).find(({ type }) => type === "decimal").value;
  return `${negative ? "\u2212" : ""}${new Intl.NumberFormat(locale()).format(BigInt(whole))}${rest ? point + rest : ""} ${currency}`;
}
