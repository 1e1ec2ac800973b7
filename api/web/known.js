// Screenings as answered last, so that a page which was seen a moment ago, or comes from a list, shows at once; and the
// names of the payment providers, which do not change.

import * as calls from "./calls.js";

const knownMax = 2000;
const screenings = new Map();
let providerNames = null;

export function remember(items) {
  for (const item of items) {
    if (screenings.size >= knownMax) screenings.clear();
    screenings.set(item.id, item);
  }
}

export const known = (id) => screenings.get(id);

// load returns a screening, asked for if it is not known; or undefined when there is no answer, and it is tried next time.
export async function load(id) {
  if (!screenings.has(id)) {
    try {
      remember([await calls.screening(id)]);
    } catch (error) {
      if (!(error instanceof calls.CallError)) throw error;
    }
  }
  return screenings.get(id);
}

export async function providers() {
  providerNames ??= await calls.providers();
  return providerNames;
}
