// What a buyer has begun to choose or to fill in, kept over the switch of the language, a sign-in and a reload, in this tab
// alone, until it is done or the buyer signs out.

import { session } from "./session.js";

const prefix = "begun:";

// begun returns what is kept under a name, or null.
export function begun(name) {
  try {
    return JSON.parse(sessionStorage.getItem(prefix + name));
  } catch {
    return null;
  }
}

export const keepBegun = (name, value) => sessionStorage.setItem(prefix + name, JSON.stringify(value));
export const dropBegun = (name) => sessionStorage.removeItem(prefix + name);

session.onChange((reason) => {
  if (session.signedIn || reason === "expired") return; // who signs in again goes on
  for (const name of Object.keys(sessionStorage).filter((key) => key.startsWith(prefix))) sessionStorage.removeItem(name);
});
