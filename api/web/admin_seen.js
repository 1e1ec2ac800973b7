// Two operators at one screening: what the other one has changed since a form was begun is told before it is replaced.

import { get, pathOf } from "./admin_calls.js";
import { separated } from "./admin_money_words.js";
import { longTime } from "./format.js";
import { text } from "./i18n.js";

function shownAs(name, value) {
  if (name === "price") return separated(value.amount, value.currency);
  return name.endsWith("_at") ? longTime(value) : String(value);
}

// seenPart begins with a screening as an operator sees it. unlessChanged fails with a RangeError if one of the fields that are
// given was changed since; what is there now is seen then, so that the same act replaces it when it is repeated.
export function seenPart(found) {
  let seen = found;
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  return {
    async unlessChanged(given) {
      const before = seen;
      seen = await get(`/v1/admin/screenings/${pathOf(found.id)}`);
      const changed = Object.keys(given).filter((key) => key in seen && !same(seen[key], before[key]) && !same(seen[key], given[key]));
      const told = changed.map((name) => text("admin.changed_meanwhile", { field: text(`field.${name}`), value: shownAs(name, seen[name]) }));
      if (told.length > 0) throw new RangeError(told.join(" "));
    },
  };
}
