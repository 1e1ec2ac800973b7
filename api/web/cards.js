// The cards of screenings and orders. A card's elements are made once and then only their text changes, so that focus, an
// open drop-down and a screen reader's position survive every poll. Text is set as text, never as HTML.

import { left, now } from "./clock.js";

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text) e.textContent = text;
  return e;
}

// setText changes an element's text only if it differs, because a screen reader reads every change.
function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

export function money({ amount, currency }) {
  try {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${amount} ${currency}`;
  }
}

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const tickets = (n) => (n === 1 ? "1 ticket" : `${n} tickets`);
const quantityMax = 10;
const forgetWait = 5000;

export class ScreeningCard {
  constructor(id, onBuy) {
    this.root = element("li", "card screening");
    const head = this.root.appendChild(element("div", "card-head"));
    this.movie = head.appendChild(element("h3"));
    this.price = head.appendChild(element("span", "price"));
    this.place = this.root.appendChild(element("p", "muted"));
    this.stock = this.root.appendChild(element("progress", "stock"));
    this.note = this.root.appendChild(element("p", "note"));
    const form = this.root.appendChild(element("form", "buy"));
    const label = form.appendChild(element("label", "quantity", "Tickets "));
    this.quantity = label.appendChild(element("select"));
    this.button = form.appendChild(element("button", "", "Buy"));
    this.result = this.root.appendChild(element("p", "result"));
    this.result.setAttribute("role", "status");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onBuy(id, Number(this.quantity.value));
    });
  }

  show(screening) {
    this.screening = screening;
    let hue = 0;
    for (const c of screening.movie) hue = (hue * 31 + c.codePointAt(0)) % 360;
    this.root.style.setProperty("--hue", hue);
    setText(this.movie, screening.movie);
    setText(this.price, money(screening.price));
    setText(this.place, `${screening.venue} \u00b7 ${day.format(new Date(screening.starts_at))}`);
    this.stock.max = Math.max(1, screening.capacity);
    this.stock.value = screening.available;
    this.stock.setAttribute("aria-label", `${screening.available} of ${screening.capacity} tickets left`);
    this.offer(Math.min(quantityMax, screening.per_user_limit || quantityMax, Math.max(1, screening.available)));
    this.tick();
  }

  offer(most) {
    if (this.quantity.length === most) return;
    const chosen = Math.min(Number(this.quantity.value) || 1, most);
    this.quantity.replaceChildren(...Array.from({ length: most }, (_, i) => new Option(String(i + 1), String(i + 1))));
    this.quantity.value = String(chosen);
  }

  // tick updates what depends on the time: the state of the sale and the countdown to its opening, also between polls.
  tick() {
    const s = this.screening;
    let state = "open";
    let note = `${s.available} of ${s.capacity} left`;
    if (now() < Date.parse(s.sale_opens_at)) {
      state = "early";
      note = `Opens in ${left(s.sale_opens_at)}`;
    } else if (now() >= Date.parse(s.sale_closes_at)) {
      state = "closed";
      note = "The sale is over";
    } else if (s.available === 0) {
      state = "sold-out";
      note = "Sold out \u00b7 unpaid tickets come back";
    } else if (s.per_user_limit > 0) {
      note += ` \u00b7 ${s.per_user_limit} per person`;
    }
    this.root.dataset.state = state;
    setText(this.note, note);
    this.button.disabled = state !== "open" || this.working || !this.signedIn;
    this.quantity.disabled = this.button.disabled;
    const words = { early: "Not open yet", closed: "Closed", "sold-out": "Sold out", open: this.signedIn ? "Buy" : "Sign in to buy" };
    setText(this.button, this.working ? "Buying..." : words[state]);
  }

  tell(text, kind = "") {
    this.result.dataset.kind = kind;
    this.toldAt = performance.now();
    setText(this.result, text);
  }

  // forget takes back what was told of a purchase once it is not true any more: the buyer holds none of these tickets, paid or
  // not. A purchase takes a moment to be among the orders.
  forget(holding) {
    const settled = performance.now() - this.toldAt > forgetWait;
    if (settled && (this.result.dataset.kind === "good" ? !holding : this.result.dataset.kind === "bad")) this.tell("");
  }
}

const statusTexts = { reserved: "Reserved", pending_payment: "Waiting for payment", paid: "Paid", cancelled: "Cancelled" };
const reasonTexts = {
  unpaid: "not paid in time", buyer: "by you", released: "its tickets had gone back; a payment is refunded",
  office: "by the box office; your money goes back",
};
const providerTexts = { webhook: "Pay now", stripe: "Pay by card", wechat: "WeChat Pay", alipay: "Alipay" };
const confirmWait = 4000;
const doubleClick = 600;

export class OrderCard {
  constructor(id, { onPay, onCancel }) {
    this.id = id;
    this.onPay = onPay;
    this.payButtons = [];
    this.root = element("li", "card order");
    const head = this.root.appendChild(element("div", "card-head"));
    this.movie = head.appendChild(element("h3"));
    this.badge = head.appendChild(element("span", "badge"));
    this.what = this.root.appendChild(element("p", "muted"));
    this.due = this.root.appendChild(element("p", "due"));
    this.due.append("Pay within ");
    this.clock = this.due.appendChild(element("strong", "clock"));
    this.clock.setAttribute("role", "timer");
    this.actions = this.root.appendChild(element("div", "actions"));
    this.elsewhere = this.actions.appendChild(element("span", "muted", "Pay with your payment provider."));
    this.cancelButton = this.actions.appendChild(element("button", "quiet", "Cancel"));
    this.cancelButton.addEventListener("click", () => this.askThen(() => onCancel(id)));
    this.root.appendChild(element("p", "id", id));
  }

  // offer shows one button for each payment provider, once they are known. An office that starts no payments has none.
  offer(providers) {
    if (!providers || this.payButtons.length > 0) return;
    this.elsewhere.hidden = providers.length > 0;
    for (const name of providers) {
      const button = element("button", "pay", providerTexts[name] || name);
      button.addEventListener("click", () => this.onPay(this.id, name));
      this.actions.insertBefore(button, this.cancelButton);
      this.payButtons.push(button);
    }
  }

  // askThen calls then at a second click that is not part of a double click: a cancelled order of a sold-out screening cannot
  // be bought again.
  askThen(then) {
    if (this.asked) {
      if (performance.now() - this.askedAt < doubleClick) return;
      this.asked = false;
      then();
      return;
    }
    this.asked = true;
    this.askedAt = performance.now();
    setText(this.cancelButton, "Really cancel?");
    setTimeout(() => {
      this.asked = false;
      setText(this.cancelButton, "Cancel");
    }, confirmWait);
  }

  show(order, screening) {
    this.order = order;
    this.root.dataset.status = order.status;
    setText(this.movie, screening ? screening.movie : "Screening");
    const reason = order.cancel_reason ? `, ${reasonTexts[order.cancel_reason] || order.cancel_reason}` : "";
    setText(this.badge, statusTexts[order.status] + reason);
    const where = screening ? ` \u00b7 ${screening.venue} \u00b7 ${day.format(new Date(screening.starts_at))}` : "";
    setText(this.what, `${tickets(order.quantity)} \u00b7 ${money(order.amount)}${where}`);
    this.tick();
  }

  get open() {
    return this.order.status === "reserved" || this.order.status === "pending_payment";
  }

  tick() {
    this.due.hidden = this.actions.hidden = !this.open;
    if (!this.open) return;
    const late = now() >= Date.parse(this.order.expires_at);
    setText(this.clock, left(this.order.expires_at));
    this.root.dataset.late = late ? "yes" : "no";
    for (const button of this.payButtons) button.disabled = late || this.working;
    this.cancelButton.disabled = this.working;
  }
}
