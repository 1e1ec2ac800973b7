package api

import (
	"net/http"
	"net/http/httptest"
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
	f := newFixture(t, func(o *Options) { o.Metrics, o.Now = prometheus.NewRegistry(), testNow })
	f.seller.refuse = func(string, string, string) error { return stock.ErrSoldOut }
	r := httptest.NewRequest(http.MethodPost, "/v1/screenings/"+screeningID+"/orders", strings.NewReader(`{"quantity":1}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+tokenFor(t, "alice", roleBuyer))
	r.Header.Set("Idempotency-Key", "key-1")
	return f, r
}

// When a sale is over, nearly every request is refused: see BENCHMARKS.md.
func BenchmarkSoldOut(b *testing.B) {
	f, r := newSoldOut(b)
	b.ReportAllocs()
	for b.Loop() {
		f.handler.ServeHTTP(discard{http.Header{}}, r) // net/http makes a new header for every answer, too
	}
}
