// The titles of screenings, beside the ids by which orders and acts name them.

import { link } from "./admin_parts.js";
import { CallError, screening } from "./calls.js";
import { setText } from "./dom.js";

const titlesMax = 2000;
const titles = new Map(); // by id; "" of one that has none any more, since it is archived
const asked = new Map(); // by id, what is on its way

// noteTitle keeps a title that a view has learnt.
export function noteTitle({ id, movie }) {
  if (titles.size >= titlesMax) titles.clear();
  titles.set(id, movie);
}

async function ask(id) {
  try {
    noteTitle(await screening(id));
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (!error.retryable) noteTitle({ id, movie: "" });
  }
  asked.delete(id);
}

const words = (id) => (titles.get(id) ? `${titles.get(id)} \u00b7 ${id}` : id);

// screeningLink leads to a screening by its title and id. The title comes when it is known.
export function screeningLink(id) {
  const made = link(`#/screenings/${encodeURIComponent(id)}`, words(id));
  if (!titles.has(id)) {
    if (!asked.has(id)) asked.set(id, ask(id));
    asked.get(id).then(() => setText(made, words(id)));
  }
  return made;
}
