package api

import (
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// withTrace puts the caller's W3C trace context into the request's, or a new one: the messages that the request causes
// carry it on. Ids need to be unlike each other, not secret.
func withTrace(r *http.Request) *http.Request {
	ctx := r.Context()
	if len(r.Header["Traceparent"]) > 0 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		var traceID trace.TraceID
		var spanID trace.SpanID
		binary.BigEndian.PutUint64(traceID[:8], rand.Uint64())
		binary.BigEndian.PutUint64(traceID[8:], rand.Uint64()|1) // all zeros is not an id
		binary.BigEndian.PutUint64(spanID[:], rand.Uint64()|1)
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(
			trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	}
	return r.WithContext(ctx)
}
