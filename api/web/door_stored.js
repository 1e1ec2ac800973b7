// What a browser keeps of its door: as whom it is signed in, its name, and whether it goes by a list.

export const stored = {
  get token() { return localStorage.getItem("staff-token") || ""; },
  set token(text) { if (text) localStorage.setItem("staff-token", text); else localStorage.removeItem("staff-token"); },
  get gate() { return localStorage.getItem("gate") || ""; },
  set gate(text) { localStorage.setItem("gate", text); },
  get byList() { return localStorage.getItem("door-by-list") === "yes"; },
  set byList(yes) { localStorage.setItem("door-by-list", yes ? "yes" : "no"); },
};
