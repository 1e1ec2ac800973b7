//go:build !race

// The race detector empties pools at random, so what counts allocations is tested without it.

package api

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/stock"
)

// discard is an answer that nobody reads, so that what is measured is the handler.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// newSoldOut returns an office with metrics in which nothing is left, and a purchase with a token that it has seen.
func newSoldOut(t testing.TB) (*fixture, *http.Request) {
	t.Helper()
	f := newFixture(t, func(o *Options) { o.Metrics = prometheus.NewRegistry() })
	f.seller.refuse = func(string, string, string) error { return stock.ErrSoldOut }
	r := httptest.NewRequest(http.MethodPost, "/v1/screenings/"+screeningID+"/orders", strings.NewReader(`{"quantity":1}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+tokenFor(t, "alice", roleBuyer))
	r.Header.Set("Idempotency-Key", "key-1")
	return f, r
}

// A copy of the request for a trace that nobody read, and a closure for the middleware, were made for every refusal. What
// the handler may allocate is the answer's header, which net/http would have grown as well, and the label of its metric.
func TestSoldOutAllocatesNearlyNothing(t *testing.T) {
	f, r := newSoldOut(t)
	w := discard{http.Header{}}
	f.handler.ServeHTTP(w, r)
	want := []string{"Cache-Control", "Content-Type", "X-Content-Type-Options"}
	if got := slices.Sorted(maps.Keys(w.header)); !slices.Equal(got, want) {
		t.Errorf("the answer has the headers %v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(1000, func() {
		clear(w.header) // it keeps its room
		f.handler.ServeHTTP(w, r)
	}); n > 2 {
		t.Errorf("%g allocations for a refusal, want two at most", n)
	}
}

// When a sale is over, nearly every request is refused: see BENCHMARKS.md.
func BenchmarkSoldOut(b *testing.B) {
	f, r := newSoldOut(b)
	b.ReportAllocs()
	for b.Loop() {
		f.handler.ServeHTTP(discard{http.Header{}}, r) // net/http makes a new header for every answer, too
	}
}
