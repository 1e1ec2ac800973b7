// Which operator is signed in to the console: by a bearer token, which stands apart from the buyer's of the shop, or by the
// cookie of the identity provider, which only the server reads.

const tokenKey = "operator-token";
const leftKey = "operator-left"; // changes when somebody who has signed in by cookie leaves
const changes = new EventTarget();
let who = null; // what GET /v1/me says, once it is asked

export const operator = {
  get token() { return localStorage.getItem(tokenKey) || ""; },
  get who() { return who; },
  get isAdmin() { return who?.roles.includes("admin") === true; },

  open(found, token = "") {
    who = found;
    if (token) localStorage.setItem(tokenKey, token);
    tell("open");
  },

  // close forgets the sign-in; the reason is "expired" when the server has refused it.
  close(reason = "") {
    if (who?.by === "cookie") localStorage.setItem(leftKey, `${Date.now()}:${performance.now()}`);
    who = null;
    localStorage.removeItem(tokenKey);
    tell(reason);
  },

  // refused takes back a sign-in that the server does not accept, unless there is another one by now.
  refused(token) {
    if (who && operator.token === token) operator.close("expired");
  },

  onChange(changed) { changes.addEventListener("change", ({ detail }) => changed(detail)); },
};

const tell = (reason) => changes.dispatchEvent(new CustomEvent("change", { detail: reason }));

// Another tab has signed in or out: here, or by cookie in the shop ("session", see session.js).
window.addEventListener("storage", ({ key, newValue }) => {
  const byCookie = !operator.token && who?.by === "cookie" && (key === leftKey || key === "session" && newValue === "");
  const comes = key === "session" && !operator.token && !who && (newValue || "").startsWith("cookie");
  if (key === tokenKey || key === null || byCookie || comes) location.reload();
});
