// The calls of the console, each with the operator's token.

import { operator } from "./admin_session.js";
import { CallError, bearer, call, demoToken as tokenOf } from "./calls.js";
import { saveFile } from "./save.js";
import { nameOf } from "./signin.js";

const exportWait = 10 * 60_000;

export async function ask(method, path, options) {
  const { token } = operator;
  try {
    return await call(method, path, { ...options, token });
  } catch (error) {
    if (error.status === 401) operator.refused(token);
    throw error;
  }
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, body, headers) => ask("POST", path, { body, headers });
export const patch = (path, body) => ask("PATCH", path, { body });
export const pathOf = (id) => encodeURIComponent(id);

// query makes the part of an address after its path, of the values that are given.
export function query(values) {
  const given = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  return given.size > 0 ? `?${given}` : "";
}

// list returns up to that many pages of a list, and the cursor of what is left.
export async function list(path, values = {}, pages = 1) {
  const items = [];
  let cursor = values.cursor ?? "";
  for (let page = 0; page < pages; page++) {
    const answer = await get(path + query({ limit: 50, ...values, cursor }));
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { items, next: cursor };
}

// whoIs returns what a token, or without one the cookie, is worth, and whose it is in readable letters.
export async function whoIs(token) {
  const who = await call("GET", "/v1/me", { token });
  return { ...who, name: who.name === who.subject ? nameOf(who.subject) : who.name };
}
export const demoToken = (user) => tokenOf(user, "admin");

// download saves a file that needs the operator's token, which a plain link would not send.
export async function download(path, name) {
  let response;
  try {
    response = await fetch(path, { headers: bearer(operator.token), cache: "no-store", signal: AbortSignal.timeout(exportWait) });
  } catch {
    throw new CallError(0, {});
  }
  if (!response.ok) throw new CallError(response.status, await response.json().catch(() => ({})));
  let file;
  try {
    file = await response.blob();
  } catch {
    throw new CallError(0, {}); // it has ended in the middle
  }
  saveFile(file, name);
}
