// The demo's mailbox: what its buyer would have been sent. The HTML of a mail is shown in a frame that runs nothing and
// reaches nothing: it is sandboxed, and has the policy of this page.

import { CallError, message, messages } from "./calls.js";
import { element, reconcile, setText } from "./dom.js";
import { shortTime } from "./format.js";
import { text, translate } from "./i18n.js";
import { showLanguage } from "./language.js";
import { repeat } from "./live.js";
import { problemText } from "./problem.js";
import { session } from "./session.js";

const pollWait = 2000;
const $ = (id) => document.getElementById(id);
const cards = new Map();

// card is one message. What it says is asked for when it is opened.
function card(first) {
  let shown = false;
  let address = "";
  const title = element("span", { class: "message-title" });
  const state = element("span", { class: "badge" });
  const body = element("div", { class: "message-body" }, element("p", { class: "muted" }, text("loading")));
  const link = element("a", { href: `/o/${encodeURIComponent(first.order_id)}` }, text("mailbox.order"));
  const details = element("details", { toggle: () => details.open && load() }, element("summary", {}, title, state), body);
  const root = element("li", { class: "message" }, details);

  async function load() {
    if (shown) return;
    shown = true;
    try {
      const found = await message(first.id);
      if (address) URL.revokeObjectURL(address);
      address = found.html ? URL.createObjectURL(new Blob([found.html], { type: "text/html;charset=utf-8" })) : "";
      body.replaceChildren(
        element("p", {}, element("strong", {}, found.subject ?? text("mailbox.sms")), element("br"), text("mailbox.to", { to: found.to ?? "\u2013" })),
        ...(address ? [element("iframe", { src: address, sandbox: "", title: found.subject, referrerpolicy: "no-referrer" })] : []),
        element("pre", { tabindex: 0, "aria-label": text("mailbox.text") }, found.text), link);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      shown = false;
      body.replaceChildren(element("p", { role: "alert" }, problemText(error)));
    }
  }

  function show(item) {
    root.dataset.kind = item.kind;
    root.dataset.channel = item.channel;
    root.dataset.state = item.state;
    setText(title, `${text(`mail.${item.kind}`)} \u00b7 ${text(`channel.${item.channel}`)} \u00b7 ${shortTime(item.sent_at ?? item.created_at)}`);
    setText(state, text(`mailstate.${item.state}`));
  }
  return { root, show };
}

const polling = repeat(async () => {
  if (!session.signedIn) {
    cards.clear();
    $("messages").replaceChildren();
    setText($("note"), text("signin.to_see_orders"));
    return pollWait;
  }
  const { items } = await messages();
  reconcile($("messages"), cards, items, card);
  setText($("note"), items.length > 0 ? "" : text("mailbox.empty"));
  document.documentElement.dataset.link = "live";
  return pollWait;
}, (error) => setText($("note"), problemText(error)));

function showAll() {
  setText($("buyer"), session.signedIn ? session.name : "");
  cards.clear(); // made again, in the language and for the buyer of now
  $("messages").replaceChildren();
  polling.wake();
}

session.onChange(showAll);
translate(document);
showLanguage(showAll);
setText($("buyer"), session.signedIn ? session.name : "");
