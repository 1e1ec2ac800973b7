package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/common/audit"
	"boxoffice/common/sentence"
	"boxoffice/stock"
)

func (f *fixture) operate(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	w := f.send(t, ask{method: method, path: path, body: body, token: tokenFor(t, "boss", roleAdmin)})
	return w.Code, w.Body.String()
}

func TestOperatedScreening(t *testing.T) {
	f := newFixture(t)
	f.stock.figures = stock.Figures{Held: stock.Count{Orders: 1, Tickets: 2}, Sold: stock.Count{Orders: 1, Tickets: 1}, Buyers: 2}
	f.stock.requests = []stock.OrderKey{{OrderID: orderID, CreatedAt: 1}, {OrderID: "b", CreatedAt: 2}}
	status, body := f.operate(t, "GET", "/v1/admin/screenings/scr-1", "")
	for _, want := range []string{
		`"reserved":2,"sold":1,"archived":false,"cancellation":null,"archive":null`,
		`"orders":{"reserved":{"orders":1,"tickets":2},"paid":{"orders":1,"tickets":1},"cancelled":{"orders":0,"tickets":0},"buyers":2,`,
		`"money":{"received":{"amount":200,"currency":"CNY"},"refunded":{"amount":20,"currency":"CNY"},`,
	} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("answered %d %s, want %s", status, body, want)
		}
	}
	cancelled := testScreening()
	cancelled.Cancelled = true
	f.stock.screening = func(string) (stock.Screening, error) { return cancelled, nil }
	want := `"cancellation":{"began_at":"2026-11-20T12:00:00.250Z","done_at":null,"tickets_left":3}`
	if status, body := f.operate(t, "GET", "/v1/admin/screenings/scr-1", ""); status != 200 || !strings.Contains(body, want) {
		t.Errorf("answered %d %s, want %s", status, body, want)
	}
	cancelled.Archived = true
	f.stock.archive = stock.Archive{Sums: stock.ArchiveSums{Orders: 3, PaidOrders: 2, TicketsSold: 2, AmountPaid: 9800}, DoneAt: testNow()}
	want = `"archive":{"orders":3,"paid_orders":2,"tickets_sold":2,"amount_paid":9800,"done_at":"2026-11-20T12:00:00.250Z"},` +
		`"orders":null,"money":null`
	if status, body := f.operate(t, "GET", "/v1/admin/screenings/scr-1", ""); status != 200 || !strings.Contains(body, want) {
		t.Errorf("answered %d %s, want %s", status, body, want)
	}
}

// What an operator does has the operator's name and note, whatever it is.
func TestActsOnScreenings(t *testing.T) {
	f := newFixture(t)
	var change stock.ScreeningChange
	f.stock.changeScreening = func(_ string, c stock.ScreeningChange) (stock.Screening, error) {
		change = c
		return testScreening(), nil
	}
	if status, body := f.operate(t, "PATCH", "/v1/screenings/scr-1", `{"paused":true,"movie":"M","price":{"amount":5,"currency":"EUR"},
		"description":"a\nb","poster_url":"https://x.example/p","map_url":"","starts_at":"2026-12-01T00:00:00Z","venue":"Lux",
		"note":"a leak"}`); status != 200 {
		t.Fatalf("answered %d %s", status, body)
	}
	if change.By != (audit.Act{Actor: "boss", Note: "a leak"}) || !*change.Paused || *change.Movie != "M" || change.Price.Amount != 5 ||
		*change.Description != "a\nb" || *change.PosterURL != "https://x.example/p" || *change.MapURL != "" || *change.Venue != "Lux" ||
		change.StartsAt == nil {
		t.Errorf("changed %+v", change)
	}
	if status, _ := f.operate(t, "POST", "/v1/screenings", strings.Replace(newScreening(), "{", `{"note":"the first",`, 1)); status != 201 {
		t.Errorf("answered %d", status)
	}
	for path, want := range map[string]string{"cancel": "screening_cancel", "archive": "screening_archive"} {
		f.stock.acts = nil
		if status, body := f.operate(t, "POST", "/v1/admin/screenings/scr-1/"+path, `{"note":"no projector"}`); status != 202 {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if len(f.stock.acts) != 1 || f.stock.acts[0].What != want || f.stock.acts[0].Act != (audit.Act{Actor: "boss", Note: "no projector"}) ||
			f.stock.acts[0].Subject != screeningID {
			t.Errorf("%s did %+v", path, f.stock.acts)
		}
		for body, want := range map[string]int{`{"note":" "}`: 422, `{}`: 422, `{"note":"a\nb"}`: 422, `{"note":"x","now":true}`: 400} {
			if status, _ := f.operate(t, "POST", "/v1/admin/screenings/scr-1/"+path, body); status != want || len(f.stock.acts) != 1 {
				t.Errorf("%s with %s: %d, did %d", path, body, status, len(f.stock.acts))
			}
		}
	}
	f.archive = func(string) error {
		return fmt.Errorf("archive: %w", stock.NotArchivableError{Why: sentence.New("x", "{count} of its tickets are reserved.", "count", 2)})
	}
	w := f.send(t, ask{method: "POST", path: "/v1/admin/screenings/scr-1/archive", body: `{"note":"x"}`, token: tokenFor(t, "boss", roleAdmin)})
	if detail := wantProblem(t, w, 409, "not_archivable"); detail != "2 of its tickets are reserved." ||
		!strings.Contains(w.Body.String(), `"said":{"code":"x","values":{"count":2}}`) {
		t.Errorf("detail %q: %s", detail, w.Body)
	}
}

// An audit log of an office with an identity provider said that "0f3e9c" had cancelled a screening: its id at the provider, which
// nobody knows. The name that the provider gives is recorded beside it, with the process that was asked; the id stays, because
// names are not unique.
func TestActsNameWhoActed(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Process = "shop, pid 7" })
	named := func(c jwt.MapClaims) { c["name"] = "Olga \u738b" }
	w := f.send(t, ask{method: "POST", path: "/v1/admin/screenings/scr-1/cancel", body: `{"note":"no projector"}`,
		token: tokenFor(t, "0f3e9c", roleAdmin, named)})
	if w.Code != 202 {
		t.Fatalf("cancel: %d %s", w.Code, w.Body)
	}
	want := audit.Act{Actor: "0f3e9c", Name: "Olga \u738b", Process: "shop, pid 7", Note: "no projector"}
	if got := f.stock.acts[0].Act; got != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	w = f.send(t, ask{method: "GET", path: "/v1/admin/acts?actor=0f3e9c", token: tokenFor(t, "boss", roleAdmin)})
	if !strings.Contains(w.Body.String(), `"actor":"0f3e9c","actor_name":"Olga `+"\u738b"+`","process":"shop, pid 7"`) {
		t.Errorf("listed %s", w.Body)
	}
	if text := f.log.String(); !strings.Contains(text, "Olga") {
		t.Errorf("the log does not name who acted: %s", text)
	}
}

// The acts of both databases are one list, the latest first, page by page.
func TestActsAreMerged(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.stock.acts = append(f.stock.acts, audit.Recorded{
			Act: audit.Act{Actor: "boss"}, ID: fmt.Sprintf("%013x-stock", testNow().UnixMilli()+int64(2*i-5)), At: testNow(),
			What: "screening_change", Subject: screeningID,
		})
	}
	read := func(query string) (acts []string) {
		for cursor := ""; ; {
			w := f.send(t, ask{method: "GET", path: "/v1/admin/acts?limit=2" + query + cursor, token: tokenFor(t, "boss", roleAdmin)})
			if w.Code != 200 {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			var page struct {
				Items []struct{ Act, Subject, Actor string }
				Next  *string `json:"next_cursor"`
			}
			decodeAnswer(t, w, &page)
			for _, a := range page.Items {
				acts = append(acts, a.Act)
			}
			if page.Next == nil {
				return acts
			}
			cursor = "&cursor=" + *page.Next
		}
	}
	screening := "screening_change"
	for query, want := range map[string][]string{
		"":                         {screening, screening, "cancel", screening, screening, screening},
		"&subject=" + orderID:      {"cancel"},
		"&actor=boss":              {screening, screening, screening, screening, screening},
		"&actor=me&subject=scr-1":  nil,
		"&actor=nobody%20like%20x": nil,
	} {
		if got := read(query); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	if status, body := f.operate(t, "GET", "/v1/admin/acts?actor=me", ""); status != 200 ||
		!strings.Contains(body, `"before":{"state":"PAID"},"after":{"state":"CANCELLED"}`) {
		t.Errorf("answered %d %s", status, body)
	}
	for _, query := range []string{"actor=%ff", "actor=" + strings.Repeat("x", 129), "subject=a%20b"} {
		if status, _ := f.operate(t, "GET", "/v1/admin/acts?"+query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
}

func TestSales(t *testing.T) {
	f := newFixture(t)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixMilli()
	one := func(n int64) stock.Count { return stock.Count{Orders: 1, Tickets: n} }
	f.stock.figures = stock.Figures{Intervals: map[int64]stock.Interval{
		noon:           {Made: one(1)},
		noon + 50_000:  {Made: one(2), Sold: one(4)},
		noon + 60_000:  {Sold: one(8)},
		noon + 180_000: {Released: one(16)},
	}}
	get := func(query string) (answer salesAnswer, status int) {
		w := f.send(t, ask{method: "GET", path: "/v1/admin/screenings/scr-1/sales" + query, token: tokenFor(t, "boss", roleAdmin)})
		if w.Code == 200 {
			decodeAnswer(t, w, &answer)
		}
		return answer, w.Code
	}
	sales, status := get("")
	if status != 200 || sales.Step != "1m0s" || len(sales.Buckets) != 4 || sales.Buckets[0].At != "2026-11-20T12:00:00.000Z" ||
		sales.Buckets[0].Reserved != (countAnswer{2, 3}) || sales.Buckets[0].Paid != (countAnswer{1, 4}) ||
		sales.Buckets[1].Paid != (countAnswer{1, 8}) || sales.Buckets[2] != (bucketAnswer{At: "2026-11-20T12:02:00.000Z"}) ||
		sales.Buckets[3].Cancelled != (countAnswer{1, 16}) {
		t.Errorf("%d %+v", status, sales)
	}
	for query, want := range map[string]int{
		"?step=10s": 19, "?step=24h": 1, "?step=1h&from=2026-11-20T11:30:00Z": 2,
		"?from=2026-11-20T12:01:00Z&to=2026-11-20T12:03:00Z": 2, "?to=2026-11-20T12:01:00Z": 1,
		"?step=10s&from=2020-01-01T00:00:00Z": 999, "?from=2026-11-20T10:00:00Z&to=2026-11-21T02:39:00Z": 999,
		"?from=2027-01-01T00:00:00Z": 1,
	} {
		if sales, status := get(query); status != 200 || len(sales.Buckets) != want {
			t.Errorf("%s: %d with %d buckets, want %d", query, status, len(sales.Buckets), want)
		}
	}
	for _, query := range []string{
		"?step=1s", "?step=15s", "?step=25h", "?step=x", "?step=1m&step=2m", "?from=noon", "?from=1960-01-01T00:00:00Z",
		"?from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "?step=10s&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z",
	} {
		if _, status := get(query); status != 400 {
			t.Errorf("%s: %d", query, status)
		}
	}
	f = newFixture(t) // nothing sold
	if sales, status := get(""); status != 200 || len(sales.Buckets) != 0 {
		t.Errorf("%d %+v", status, sales)
	}
	archived := testScreening()
	archived.Archived = true
	f.stock.screening = func(string) (stock.Screening, error) { return archived, nil }
	if _, status := get(""); status != 409 {
		t.Errorf("of an archived screening: %d", status)
	}
}

// A costly reading is shared by all who ask, is made once at a time, and keeps nobody waiting.
func TestPacedReadings(t *testing.T) {
	var readings atomic.Int64
	began, release := make(chan struct{}, 100), make(chan struct{})
	p, err := newPaced(func(ctx context.Context, key string) (string, error) {
		readings.Add(1)
		began <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		if key == "bad" {
			return "", errors.New("away")
		}
		return "of " + key, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	p.wait = time.Millisecond
	if _, _, known, err := p.get(t.Context(), "a"); known || err != nil {
		t.Errorf("known %v, %v, and nothing was read", known, err)
	}
	<-began
	p.wait = time.Minute
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			if got, _, known, err := p.get(t.Context(), "a"); got != "of a" || !known || err != nil {
				t.Errorf("%q, %v, %v", got, known, err)
			}
		})
	}
	close(release)
	asking.Wait()
	if n := readings.Load(); n != 1 {
		t.Errorf("%d readings, want 1 for all", n)
	}
	if _, _, known, err := p.get(t.Context(), "bad"); known || err == nil {
		t.Errorf("known %v, %v, and reading failed", known, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, known, _ := p.get(gone, "a"); !known {
		t.Error("what is known is not answered")
	}
}

func decodeAnswer(t *testing.T, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("answered %s: %v", w.Body, err)
	}
}
