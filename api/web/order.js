// The page "/o/ID": one order, from the tickets that are held to those that are paid.

import * as calls from "./calls.js";
import { everyTick } from "./clock.js";
import { element, setText } from "./dom.js";
import { text } from "./i18n.js";
import { follow } from "./live.js";
import { missingView } from "./missing.js";
import { orderPage } from "./order_page.js";
import { isOpen } from "./order_words.js";
import { problemText } from "./problem.js";
import { followRefunds } from "./refunds.js";
import { setTitle } from "./router.js";
import { session } from "./session.js";
import { signedOutView } from "./signed_out.js";
import { noteWaiting } from "./waiting.js";

const pollWait = 1000;
const calmWait = 5000;

export function orderView(root, [id], arrival) {
  setTitle(text("order.title"));
  if (!session.signedIn) return signedOutView(root, text("order.title"), text("signin.to_see_order"));
  const loading = element("p", { class: "muted", role: "status" }, text("loading"));
  root.append(element("h1", { class: "visually-hidden" }, text("order.title")), loading);
  let page = null;
  let last = null;
  const show = (order) => {
    if (!page) {
      page = orderPage(order, { justBought: arrival.bought, acted: () => watch.wake() });
      root.replaceChildren(page.root, page.bar);
    }
    page.show(order);
    noteWaiting(order);
    const ended = !isOpen(order) && order.status !== last?.status;
    last = order;
    if (ended) money.wake();
  };
  const money = followRefunds(id, () => last, (list) => page.showRefunds(list));
  if (arrival.order) show(arrival.order);
  const watch = follow(calls.orderPath(id), "order", {
    show,
    pace: (order) => (isOpen(order) ? pollWait : calmWait),
    onError(error) {
      if (error.status === 404) missingView(root, text("order.missing"));
      else if (!page) setText(loading, problemText(error));
    },
  });
  const stopTicks = everyTick(() => page?.tick());
  return { stop: () => { watch.stop(); money.stop(); stopTicks(); page?.stop(); } };
}
