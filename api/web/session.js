// Who is signed in: by a bearer token, which this page keeps and sends, or by a cookie that only the server reads. It is in
// localStorage, so that a reload keeps it and all tabs agree. Scripts of other pages read the token from here as well.

const changes = new EventTarget();
const get = (key) => localStorage.getItem(key) || "";

export const session = {
  get token() { return get("token"); },
  get buyer() { return get("buyer"); }, // the subject: whose orders and kept purchases these are
  get name() { return get("name") || get("buyer"); },
  get byCookie() { return get("token") === "" && get("session").startsWith("cookie"); },
  get signedIn() { return get("token") !== "" || this.byCookie; },

  open(kind, { subject, name, token }) {
    localStorage.setItem("buyer", subject);
    localStorage.setItem("name", name || "");
    localStorage.setItem("token", token || "");
    tell(`${kind}:${subject}:${performance.now()}`); // always another value: the storage event comes only with a change
  },

  // close forgets the sign-in. The reason "expired" is for a session that the server has refused: then the name stays, to be
  // offered in the form.
  close(reason = "") {
    localStorage.removeItem("buyer");
    localStorage.removeItem("token");
    if (reason === "") localStorage.removeItem("name");
    tell(reason && `${reason}:${performance.now()}`, reason);
  },

  // onChange calls back with a reason when this tab or another has signed in or out.
  onChange(changed) {
    changes.addEventListener("change", ({ detail }) => changed(detail));
  },
};

function tell(value, reason = "") {
  localStorage.setItem("session", value);
  changes.dispatchEvent(new CustomEvent("change", { detail: reason }));
}

// "session" is the last key that is written, with the reason in it when a session has ended by itself; a null key means that the
// whole storage was cleared.
window.addEventListener("storage", ({ key, newValue }) => {
  if (key !== "session" && key !== null) return;
  changes.dispatchEvent(new CustomEvent("change", { detail: newValue?.startsWith("expired:") ? "expired" : "" }));
});
