// The page "/s/ID": one screening, and buying tickets for it.

import { screeningPath } from "./calls.js";
import { everyTick, secondsUntil } from "./clock.js";
import { element, setText } from "./dom.js";
import { text } from "./i18n.js";
import { known, remember } from "./known.js";
import { follow } from "./live.js";
import { missingView } from "./missing.js";
import { problemText } from "./problem.js";
import * as purchases from "./purchases.js";
import { setTitle } from "./router.js";
import { stateOf } from "./sale.js";
import { screeningPage } from "./screening_page.js";
import { session } from "./session.js";
import { signIn } from "./signin.js";

const pollWait = 1000;
const calmWait = 5000; // between two looks at a sale that is not open
const soon = 60; // seconds

export function screeningView(root, [id]) {
  const loading = element("p", { class: "muted", role: "status" }, text("loading"));
  root.append(element("h1", { class: "visually-hidden" }, text("screening.title")), loading);
  setTitle(text("screening.title"));
  let page = null;
  let last = null;
  const { pathname } = location;
  const { buyer } = session;

  async function buy(quantity) {
    const early = stateOf(last) === "early";
    if (!session.signedIn && !(await signIn(text(early ? "buy.be_ready" : "signin.to_buy")))) return;
    if (stateOf(last) === "open") purchases.buy(id, quantity);
  }

  const show = (screening) => {
    remember([screening]);
    last = screening;
    if (!page) {
      page = screeningPage(screening, buy);
      root.replaceChildren(page.root, page.bar);
    }
    setTitle(screening.movie);
    page.show(screening);
  };
  if (known(id)) show(known(id));
  const watch = follow(screeningPath(id), "screening", {
    show,
    pace: (screening) => (stateOf(screening) === "open" || secondsUntil(screening.sale_opens_at) < soon ? pollWait : calmWait),
    onError(error) {
      if (error.status === 404) missingView(root, text("screening.missing"));
      else if (!page) setText(loading, problemText(error));
    },
  });
  const stopTicks = everyTick(() => page?.tick());
  const stopPurchases = purchases.onPurchase((screening) => {
    if (screening !== id) return;
    page?.tick();
    if (!purchases.stateOf(id).working) watch.wake();
  });
  return {
    stop() {
      watch.stop();
      stopTicks();
      stopPurchases();
      // What was refused is still so when the same view is shown in another language.
      if (location.pathname !== pathname || session.buyer !== buyer) purchases.forget(id);
    },
  };
}
