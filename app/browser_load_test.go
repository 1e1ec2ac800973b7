//go:build !race

package app

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// slowLine makes the line of a tab one of 48 kbit/s with answers after 300 ms.
func (p page) slowLine() {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Latency: 300, DownloadThroughput: 48_000 / 8, UploadThroughput: 48_000 / 8}},
		})
		return chromedp.Void{}, err
	})
}

// A phone in a crowd has a line of 48 kbit/s, on which the first page took 27 s: its scripts were sent as they are written, with
// the texts of the console in both languages. What a first visit loads is bounded. With BOXOFFICE_TEST_SLOW_LINE set
// the page is loaded twice on such a line, and the test says how long that took.
func TestPageIsLight(t *testing.T) {
	const most = 80_000 // bytes of the document, the scripts and the styles, as they are sent
	b := newBrowser(t)
	p := b.blank()
	slow := os.Getenv("BOXOFFICE_TEST_SLOW_LINE") != ""
	for _, visit := range []string{"first", "second"} {
		p.do(chromedp.Navigate("about:blank"))
		if slow {
			p.slowLine()
		}
		began := time.Now()
		js[bool](p, `(location.href = `+quoted(b.shop)+`, true)`)
		for deadline := began.Add(2 * testDeadline); ; time.Sleep(20 * time.Millisecond) { // on a slow line one is not enough
			if there, err := evaluate[bool](p, `document.querySelector(".event") !== null`); err == nil && there {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the %s visit shows nothing", visit)
			}
		}
		took := time.Since(began)
		const all = `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")
			.filter(({name}) => name.includes("/web/"))]`
		sent := js[int](p, all+`.reduce((sum, {transferSize, encodedBodySize}) => sum + (transferSize > encodedBodySize ? encodedBodySize : 0), 0)`)
		written := js[int](p, all+`.reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)`)
		painted := js[float64](p, `performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1`)
		t.Logf("%s visit: %d files, %d bytes sent of %d; painted after %.0f ms, there after %v", visit, js[int](p, all+`.length`), sent, written,
			painted, took.Round(10*time.Millisecond))
		if visit == "first" && (sent > most || sent == 0) {
			t.Errorf("the first page is %d bytes, want at most %d", sent, most)
		}
	}
}
