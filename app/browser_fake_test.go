//go:build !race

package app

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// before runs a script in front of those of each page that is opened from now on.
func (p page) before(script string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return chromedp.Void{}, err
	})
}

// signsInBy answers the calls of signing in as an office does that has this method, and notes whether calls carry a token.
func signsInBy(method string) string {
	return fmt.Sprintf(`(() => {
		const send = window.fetch;
		const answer = (status, body) => new Response(body === undefined ? null : JSON.stringify(body), {status});
		window.tokens = [];
		window.fetch = async (path, options) => {
			if (path === "/v1/sign-in") return answer(200, {methods: [%q]});
			if (path === "/v1/me") return window.signedOut ? answer(401, {code: "unauthorized"})
				: answer(200, {subject: "carol", name: "Carol \u738b", roles: ["buyer"], by: "cookie"});
			if (path.startsWith("/sign-out?")) { window.signedOut = true; return answer(204); }
			if (path.startsWith("/v1/orders") && %[1]q === "oidc") {
				window.tokens.push(options.headers.Authorization ? "some" : "none");
				return answer(200, {items: [], next_cursor: null});
			}
			return send(path, options);
		};
	})()`, method)
}

// visitAs opens the first page as that of an office which signs in by this method.
func (p page) visitAs(b *browserTest, method string) {
	p.t.Helper()
	p.before(signsInBy(method))
	p.visit(b.shop)
	p.until("it knows how one signs in", `document.documentElement.dataset.signIn === "known"`)
}

// typeWho answers the dialog without waiting for what comes of it.
func (p page) typeWho(text string) {
	p.t.Helper()
	js[string](p, `document.getElementById("who").value = ""`)
	p.do(chromedp.SendKeys("#who", text+"\r"))
}
