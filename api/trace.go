package api

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/tracing"
)

// beginSpan begins the span of a request, below its caller's if the request has a trace context. It is nil unless traces
// are on; then traced has nothing more to do.
func beginSpan(tracer *tracing.Tracer, c echo.Context) trace.Span {
	if !tracer.On() {
		return nil
	}
	r := c.Request()
	ctx, span := tracer.Begin(callerContext(r), r.Method+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		span.SetAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPRoute(c.Path()), semconv.URLPath(r.URL.Path),
			semconv.ClientAddress(c.RealIP()))
	}
	c.SetRequest(r.WithContext(ctx))
	return span
}

// endSpan ends the span of a request that is answered. A request that its caller got wrong is no error of the server.
func endSpan(span trace.Span, c echo.Context, err error) {
	if span == nil {
		return
	}
	if span.IsRecording() {
		status := c.Response().Status
		span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		if err != nil {
			span.SetAttributes(attribute.String("boxoffice.refusal", err.Error()))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// callerContext is the context of a request with the trace context that its caller has sent, if any.
func callerContext(r *http.Request) context.Context {
	if len(r.Header["Traceparent"]) == 0 {
		return r.Context()
	}
	return propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}

// traced returns the request's context with a W3C trace context, which the messages, the log and a 5xx answer of the
// request carry: the caller's, or a new one. It is added at the first call and not to every request, because the answer
// to a sold-out sale needs none. A fast random source will do: trace ids must be unique, not secret.
func traced(c echo.Context) context.Context {
	r := c.Request()
	ctx := r.Context()
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	ctx = callerContext(r)
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
