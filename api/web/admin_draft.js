// What an operator has begun to fill in, kept over a reload, another view, the switch of the language and a session that ends,
// until it is sent or given up; for the same operator, in the same tab.

import { operator } from "./admin_session.js";

const keyOf = (name) => `draft:${name}`;

// draftOf returns the values that are kept of a form, by the names of its fields, or null.
export function draftOf(name) {
  try {
    const { by, values } = JSON.parse(sessionStorage.getItem(keyOf(name)));
    return by === operator.who?.subject ? values : null;
  } catch {
    return null;
  }
}

export function keepDraft(name, values) {
  if (operator.who) sessionStorage.setItem(keyOf(name), JSON.stringify({ by: operator.who.subject, values }));
}

export const dropDraft = (name) => sessionStorage.removeItem(keyOf(name));
