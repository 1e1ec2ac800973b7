//go:build !race

package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"boxoffice/common/tracing"
)

// BenchmarkPurchase is what the HTTP side of a purchase costs, without traces, with one in a hundred sampled, and with all.
func BenchmarkPurchase(b *testing.B) {
	for name, ratio := range map[string]float64{"off": -1, "1%": 0.01, "all": 1} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, func(o *Options) {
				if ratio < 0 {
					return
				}
				tracer, err := tracing.New(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))),
					sdktrace.WithBatcher(tracetest.NewNoopExporter())))
				if err != nil {
					b.Fatal(err)
				}
				o.Tracer = tracer
			})
			r := httptest.NewRequest(http.MethodPost, "/v1/screenings/"+screeningID+"/orders", http.NoBody)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+tokenFor(b, "alice", roleBuyer))
			r.Header.Set("Idempotency-Key", "key-1")
			body := strings.NewReader(`{"quantity":1}`)
			r.Body, r.ContentLength = io.NopCloser(body), body.Size()
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(`{"quantity":1}`)
				f.handler.ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}
