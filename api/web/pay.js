// What a buyer has to do to pay, after the office has started the payment: go to the provider's page, post a form to it, or
// scan a code.

import { element } from "./dom.js";
import { text } from "./i18n.js";

// perform does it. It returns the dialog of a code, which whoever asks closes once the order is not open any more; or null.
export function perform(action) {
  if (action.kind === "redirect") location.assign(action.url);
  else if (action.kind === "qr") return showCode(action);
  else postForm(action);
  return null;
}

// postForm sends the browser to a payment provider that takes a form. A field may be named "submit", and form.submit is then that field.
function postForm({ url, fields }) {
  const inputs = Object.entries(fields || {}).map(([name, value]) => element("input", { type: "hidden", name, value }));
  const form = element("form", { method: "post", action: url, hidden: true }, ...inputs);
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}

// showCode shows a QR code until the buyer closes it. On the phone that has the provider's application it is a link as well, if it is an address.
function showCode({ qr, qr_image }) {
  const dialog = element("dialog", { class: "dialog scan", "aria-labelledby": "scan-title", close: () => dialog.remove() },
    element("h2", { id: "scan-title" }, text("pay.scan")),
    element("img", { src: qr_image, alt: text("pay.scan_image"), width: 320, height: 320 }),
    isForAnApplication(qr) ? element("a", { class: "button wide", href: qr }, text("pay.open_app")) : null,
    element("form", { method: "dialog" }, element("button", { class: "quiet wide" }, text("close"))));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// isForAnApplication tells whether a code is an address that a payment application opens, or a server. Others are only to be scanned:
// text of a till would lead to a page of the shop, and a script would be run here.
export function isForAnApplication(code) {
  const own = ["javascript:", "data:", "vbscript:", "blob:", "filesystem:", "file:", "about:", "view-source:"];
  try {
    return !own.includes(new URL(code).protocol);
  } catch {
    return false;
  }
}
