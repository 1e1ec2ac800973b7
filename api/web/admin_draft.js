// What an operator has begun to fill in, kept over a reload, another view, the switch of the language and a session that ends,
// until it is sent or given up; for the same operator, in the same tab.

import { operator } from "./admin_session.js";

const keyOf = (name) => `draft:${name}`;

function keptOf(name) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(name)));
    return kept.by === operator.who?.subject ? kept : null;
  } catch {
    return null;
  }
}

// draftOf returns the values that are kept of a form, by the names of its fields, or null.
export const draftOf = (name) => keptOf(name)?.values ?? null;

// draftPart fills in what was kept of these inputs, and keeps of them what differs from what the form began with. since is what
// the form is about, as it was when the draft was begun: a JSON value.
export function draftPart(name, inputs, about = null) {
  const kept = keptOf(name);
  const since = kept?.since ?? about;
  const began = Object.fromEntries(Object.entries(inputs).map(([key, { value }]) => [key, value]));
  for (const [key, value] of Object.entries(kept?.values ?? {})) {
    if (inputs[key]) inputs[key].value = value;
  }
  const drop = () => sessionStorage.removeItem(keyOf(name));
  return {
    since,
    keep() {
      const values = Object.fromEntries(Object.entries(inputs).map(([key, { value }]) => [key, value]).filter(([key, value]) => value !== began[key]));
      if (Object.keys(values).length === 0) drop();
      else if (operator.who) sessionStorage.setItem(keyOf(name), JSON.stringify({ by: operator.who.subject, values, since }));
    },
    drop,
  };
}
