package api

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced returns the request's context with the caller's W3C trace context, or a new one: the messages that the request
// causes carry it on, and the log and a failure's answer name it. It is made when somebody first asks, which a refusal
// does not. Ids need to be unlike each other, not secret.
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
		binary.BigEndian.PutUint64(traceID[8:], rand.Uint64()|1) // all zeros is not an id
		binary.BigEndian.PutUint64(spanID[:], rand.Uint64()|1)
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(
			trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	}
	c.SetRequest(r.WithContext(ctx))
	return ctx
}
