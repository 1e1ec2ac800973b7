//go:build !race

package app

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// streams answers /events as a server does that pushes changes: it looks by itself, ten times a second, and sends what is new.
// The page's own questions are counted. What window.streams says happens to a stream: "on", "lost" in the middle of an
// event, or "refused".
const streams = `(() => {
	const send = window.fetch;
	Object.assign(window, {streams: "on", opened: 0, asked: 0, lastID: []});
	window.fetch = async (path, options) => {
		if (!path.endsWith("/events")) {
			if (/^\/v1\/(orders|screenings)\/[^/?]+$/.test(path)) window.asked++;
			return send(path, options);
		}
		if (window.streams === "refused") return new Response("{}", {status: 503});
		window.opened++;
		window.lastID.push(options.headers["Last-Event-ID"] ?? "");
		let last = "", n = 0;
		const name = path.includes("/orders/") ? "order" : "screening";
		const body = new ReadableStream({
			async pull(controller) {
				const write = (text) => controller.enqueue(new TextEncoder().encode(text));
				if (options.signal.aborted) return controller.close();
				if (window.streams !== "on") { write("event: " + name + "\ndata: {\"half"); return controller.close(); }
				await new Promise((resolve) => setTimeout(resolve, 100));
				try {
					const state = await (await send(path.replace("/events", ""), {headers: options.headers})).json();
					const {server_time, ...rest} = state;
					const now = JSON.stringify(rest);
					write(": heartbeat\r\n\r\n");
					if (now === last) return;
					last = now;
					const data = JSON.stringify(state), cut = Math.floor(data.length / 2);
					write("retry: 1000\nid: " + ++n + "\nevent: " + name + "\ndata: " + data.slice(0, cut));
					write(data.slice(cut) + "\n\n");
				} catch { controller.close(); }
			},
		});
		return new Response(body, {status: 200, headers: {"Content-Type": "text/event-stream"}});
	};
})()`

// noStreams answers /events as a server does that has none.
const noStreams = `(() => {
	const send = window.fetch;
	window.fetch = async (path, options) => (path.endsWith("/events") ? new Response("{}", {status: 404}) : send(path, options));
})()`

// Whether the server pushes changes or is asked for them, the page shows the same.
func TestPageShowsTheSameByStreamAndByPolling(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "metropolis", 2)
	p := b.open("/")
	p.signIn("alice")
	pushed, polled := b.blank(), b.blank()
	pushed.before(streams)
	polled.before(noStreams)
	both := func(path string) {
		pushed.visit(b.shop + path)
		polled.visit(b.shop + path)
	}
	same := func(what, condition string) {
		t.Helper()
		const words = `document.querySelector("#main").innerText.replace(/\d+:\d\d/g, "")` // but for the countdown
		pushed.until(what+", pushed", condition)
		polled.until(what+", polled", condition)
		if a, b := js[string](pushed, words), js[string](polled, words); a != b {
			t.Errorf("%s: by stream\n%s\nby polling\n%s", what, a, b)
		}
	}
	both("/s/metropolis")
	same("one is left", `document.querySelector(".note").innerText.startsWith("Only 1 left")`)
	b.mustBuy("bob", "metropolis", 1)
	same("sold out", `document.querySelector(".screening[data-state=sold-out]") !== null`)
	both("/o/" + order.ID)
	same("to be paid", `document.querySelector(".order[data-status=pending_payment]") !== null && !document.querySelector("`+payButton+`").disabled`)
	asked := js[int](pushed, `window.asked`)
	b.must("POST", "/v1/dev/payments", bearer(t, "alice", "buyer"), `{"order_id":"`+order.ID+`"}`)
	same("paid", `document.querySelector(".order[data-status=paid]") !== null`)
	if again := js[int](pushed, `window.asked`); again != asked || js[int](pushed, `window.opened`) != 1 {
		t.Errorf("with a stream the page asked %d times more, and opened %d streams", again-asked, js[int](pushed, `window.opened`))
	}
}

// A stream that breaks in the middle of an event is polled meanwhile, and taken up where it ended.
func TestPageOutlivesItsStream(t *testing.T) {
	b := newBrowser(t)
	p := b.blank()
	p.before(streams)
	p.visit(b.shop + "/s/metropolis")
	p.until("by stream", `window.opened === 1 && document.querySelector(".note").innerText.startsWith("Only 3 left")`)
	p.until("a first event has come", `document.documentElement.dataset.link === "live"`)
	p.do(chromedp.Sleep(500 * time.Millisecond))
	js[bool](p, `(window.streams = "lost") === "lost"`)
	p.do(chromedp.Sleep(200 * time.Millisecond))
	js[bool](p, `(window.streams = "refused") === "refused"`)
	b.mustBuy("bob", "metropolis", 2)
	p.until("by polling", `document.querySelector(".note").innerText.startsWith("Only 1 left")`)
	js[bool](p, `(window.streams = "on") === "on"`)
	p.until("by stream again", `window.opened === 2`)
	if ids := js[[]string](p, `window.lastID`); strings.Join(ids, ",") != ",1" {
		t.Errorf("Last-Event-ID was %q, want none and then the last one's", ids)
	}
	b.mustBuy("carol", "metropolis", 1)
	p.until("sold out", `document.querySelector(".screening[data-state=sold-out]") !== null`)
}

// A call that got no answer is told, and the words went only when the page had noticed that its line was cut: where the stream
// had outlived that, "does not answer" stood above an office that answered, until somebody closed it.
func TestPageSaysNoLongerThatNobodyAnswers(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "metropolis", 1)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	p := b.open("/")
	p.signIn("alice")
	p.before(`(() => {
		const send = window.fetch;
		window.fetch = async (path, options) => {
			if (path.endsWith("/payments")) throw new TypeError("the line is cut");
			return send(path, options);
		};
	})()`)
	p.before(streams)
	p.visit(b.shop + "/o/" + order.ID)
	p.until("by stream", `window.opened === 1`)
	p.press(payButton)
	p.until("it is told", `document.getElementById("news").innerText.startsWith("The box office does not answer.")`)
	p.until("and no more, as the stream goes on", `document.getElementById("news").hidden`)
	if opened := js[int](p, `window.opened`); opened != 1 {
		t.Errorf("the page opened %d streams, want the one that outlived the cut", opened)
	}
}

// The office's own streams show what happens as well, and the page asks no more.
func TestPageFollowsTheOfficesStreams(t *testing.T) {
	b := newBrowser(t)
	p := b.blank()
	p.before(`(() => {
		const send = window.fetch;
		Object.assign(window, {opened: 0, asked: 0});
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (path.endsWith("/events") && answer.ok) window.opened++;
			if (/^\/v1\/screenings\/[^/?]+$/.test(path)) window.asked++;
			return answer;
		};
	})()`)
	p.visit(b.shop + "/s/metropolis")
	p.until("the stream is open", `window.opened === 1`)
	asked := js[int](p, `window.asked`)
	b.mustBuy("bob", "metropolis", 2)
	p.until("one is left", `document.querySelector(".note").innerText.startsWith("Only 1 left")`)
	b.mustBuy("carol", "metropolis", 1)
	p.until("sold out", `document.querySelector(".screening[data-state=sold-out]") !== null`)
	if again := js[int](p, `window.asked`); again != asked {
		t.Errorf("the page asked %d times more beside its stream", again-asked)
	}
}

// Somebody on a slow line who went back before an order was there to be seen had its page fail with "null has no status": the
// answer came to a page that had been left, and that asked it how long to wait.
func TestPageThatIsLeftBeforeItsFirstAnswerEndsQuietly(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "metropolis", 1)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	p := b.open("/")
	p.signIn("alice")
	p.before(`(() => {
		const send = window.fetch;
		Object.assign(window, {failures: [], asked: 0, answered: 0});
		const answer = new Promise((resolve) => { window.answer = resolve; });
		addEventListener("unhandledrejection", ({reason}) => { window.failures.push(String(reason)); });
		window.fetch = async (path, options) => {
			if (path !== "/v1/orders/` + order.ID + `") return send(path, options);
			window.asked++;
			await answer;
			const response = await send(path, options);
			setTimeout(() => { window.answered++; }, 500);
			return response;
		};
	})()`)
	p.visit(b.shop + "/o/" + order.ID)
	p.until("the order is asked for", `window.asked === 1`)
	p.press(".brand")
	p.until("it is left", `location.pathname === "/" && document.querySelector(".event") !== null`)
	js[bool](p, `(window.answer(), true)`)
	p.until("it is answered", `window.answered === 1`)
	if failures := js[[]string](p, `window.failures`); len(failures) > 0 {
		t.Errorf("a page that was left failed: %q", failures)
	}
}
