package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// scope names this program's spans.
const scope = "boxoffice"

// ListMax bounds a list: what a message carries of it takes about 85 bytes each, and tracing must not cost more the
// larger the lists are. Those that do not fit have no more spans from there on.
const ListMax = 32

// attributeOrder is the id of the order that a span is about: by it all traces of an order are found.
const attributeOrder = attribute.Key("boxoffice.order_id")

// Entry is a span in the trace of one order.
type Entry struct {
	OrderID string // empty while the order has no id, and for a span that is about no order
	Span    trace.Span
}

// List is the spans of one step, one in the trace of each order that the step handles and whose trace is sampled. Steps
// handle many orders at once and nearly all orders are in no trace, so a list is nil nearly always.
type List []Entry

// Add adds the span of ctx for an order, if it is sampled.
func (l List) Add(ctx context.Context, orderID string) List {
	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsSampled() || len(l) == ListMax {
		return l
	}
	return append(l, Entry{orderID, span})
}

// Join adds the entries of another list.
func (l List) Join(other List) List {
	room := min(len(other), ListMax-len(l))
	return append(l, other[:room]...)
}

// About returns the entries of an order. An entry that was about no certain one is taken to be about it.
func (l List) About(orderID string) List {
	var found List
	for _, e := range l {
		if e.OrderID == "" || e.OrderID == orderID {
			found = append(found, Entry{orderID, e.Span})
		}
	}
	return found
}

// End ends the spans, as failed unless err is nil.
func (l List) End(err error) {
	for _, e := range l {
		if err != nil {
			e.Span.RecordError(err)
			e.Span.SetStatus(codes.Error, err.Error())
		}
		e.Span.End()
	}
}

// Event notes in each span that something has happened.
func (l List) Event(name string) {
	for _, e := range l {
		e.Span.AddEvent(name)
	}
}

type listKey struct{}

// With returns ctx with a list in place of any that it has.
func With(ctx context.Context, l List) context.Context {
	if len(l) == 0 && ctx.Value(listKey{}) == nil {
		return ctx
	}
	return context.WithValue(ctx, listKey{}, l)
}

// From returns the list of ctx, or else its span if that is sampled.
func From(ctx context.Context) List {
	if l, ok := ctx.Value(listKey{}).(List); ok {
		return l
	}
	return List(nil).Add(ctx, "")
}

// Start starts a step: a span below each one of ctx. It returns ctx with these spans, and is to be ended. Where nothing is
// sampled it starts none.
func Start(ctx context.Context, step string, options ...trace.SpanStartOption) (context.Context, List) {
	l := From(ctx)
	if len(l) == 0 {
		return ctx, nil
	}
	started := make(List, 0, len(l))
	for _, e := range l {
		_, span := tracerOf(e.Span).Start(trace.ContextWithSpan(context.Background(), e.Span), step, options...)
		if e.OrderID != "" {
			span.SetAttributes(attributeOrder.String(e.OrderID))
		}
		started = append(started, Entry{e.OrderID, span})
	}
	return With(ctx, started), started
}

// tracerOf is the tracer by which a span was made.
func tracerOf(span trace.Span) trace.Tracer { return span.TracerProvider().Tracer(scope) }
