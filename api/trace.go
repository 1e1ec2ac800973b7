package api

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced returns the request's context with a W3C trace context, which the messages, the log and a 5xx answer of the
// request carry: the caller's, or a new one. It is added at the first call and not to every request, because the answer
// to a sold-out sale needs none. A fast random source will do: trace ids must be unique, not secret.
func traced(c echo.Context) context.Context {
	r := c.Request()
	ctx := r.Context()
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	if len(r.Header["Traceparent"]) > 0 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		var traceID trace.TraceID
		var spanID trace.SpanID
		binary.BigEndian.PutUint64(traceID[:8], rand.Uint64())
		binary.BigEndian.PutUint64(traceID[8:], rand.Uint64()|1) // an id of zeros is invalid
		binary.BigEndian.PutUint64(spanID[:], rand.Uint64()|1)
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(
			trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	}
	c.SetRequest(r.WithContext(ctx))
	return ctx
}
