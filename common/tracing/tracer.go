// Package tracing follows orders through lists. OpenTelemetry has one span in a context; here a purchase, a message or a
// transaction handles many orders at once, of which each has a trace of its own. A step of a list is therefore a span in
// the trace of each of its orders that is sampled, so that one trace shows an order from its purchase to its end. Messages
// carry the contexts of these traces.
package tracing

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/trace"
)

// rememberedMax is how many sampled orders a process remembers, a few megabytes: who pays or cancels one calls minutes
// after its purchase, and brings no trace context of it.
const rememberedMax = 16384

// Tracer begins traces, goes on with those that messages carry, and remembers those of orders. Nil traces nothing.
type Tracer struct {
	tracer     trace.Tracer
	remembered *lru.Cache[string, trace.SpanContext] // by order
}

// New returns a tracer of a provider.
func New(provider trace.TracerProvider) (*Tracer, error) {
	remembered, err := lru.New[string, trace.SpanContext](rememberedMax)
	return &Tracer{tracer: provider.Tracer(scope), remembered: remembered}, err
}

// On tells whether anything is traced.
func (t *Tracer) On() bool { return t != nil }

// Begin starts a span below the one of ctx, or of a new trace, which the sampler lets in or not.
func (t *Tracer) Begin(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if t == nil {
		return ctx, nil
	}
	return t.tracer.Start(ctx, name, options...)
}

// Remember keeps the trace contexts of a list by their orders, unless they are known.
func (t *Tracer) Remember(l List) {
	if t == nil {
		return
	}
	for _, e := range l {
		if e.OrderID != "" {
			t.remembered.ContainsOrAdd(e.OrderID, e.Span.SpanContext())
		}
	}
}

// Join starts a step about an order: below its trace, linked with the one of ctx, if this process remembers it, and else
// below that of ctx. It is to be ended.
func (t *Tracer) Join(ctx context.Context, orderID, step string) (context.Context, List) {
	if t == nil || orderID == "" {
		return ctx, nil
	}
	known, exists := t.remembered.Get(orderID)
	here := trace.SpanContextFromContext(ctx)
	if !exists || known.TraceID() == here.TraceID() {
		return Start(With(ctx, From(ctx).About(orderID)), step)
	}
	_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), known), step,
		trace.WithAttributes(attributeOrder.String(orderID)))
	if own := trace.SpanFromContext(ctx); own.IsRecording() {
		own.SetAttributes(attributeOrder.String(orderID))
		own.AddLink(trace.Link{SpanContext: span.SpanContext()})
		span.AddLink(trace.Link{SpanContext: here})
	}
	l := List{{orderID, span}}
	return With(ctx, l), l
}

// Receive starts a step for what a message carries, as Encode has written it, and remembers its orders. It is to be
// ended. Where nothing is sampled it starts none.
func (t *Tracer) Receive(ctx context.Context, carried, step string, options ...trace.SpanStartOption) (context.Context, List) {
	if t == nil || carried == "" {
		return ctx, nil
	}
	contexts, err := decode(carried)
	started := make(List, 0, len(contexts))
	for _, c := range contexts {
		_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), c.span), step, options...)
		if c.orderID != "" {
			span.SetAttributes(attributeOrder.String(c.orderID))
		}
		started = append(started, Entry{c.orderID, span})
	}
	if err != nil && len(started) > 0 { // no message fails for its traces
		started[0].Span.RecordError(fmt.Errorf("read carried traces: %w", err))
	}
	t.Remember(started)
	return With(ctx, started), started
}
