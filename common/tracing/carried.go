package tracing

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	traceParent = "traceparent" // of W3C trace context
	separator   = ";"           // between entries
	assignment  = "="           // between an order and its trace context
)

// carriedContext is a trace context that came with a message.
type carriedContext struct {
	orderID string
	span    trace.SpanContext
}

// Encode is the form in which a message carries a list: ORDER=TRACEPARENT for each entry, separated by semicolons, the
// order possibly empty and the rest in the form of W3C trace context. A list of nothing is empty.
func (l List) Encode() string {
	if len(l) == 0 {
		return ""
	}
	parts := make([]string, 0, len(l))
	for _, e := range l {
		parts = append(parts, e.OrderID+assignment+e.traceParent())
	}
	return strings.Join(parts, separator)
}

// CarriedIDs reads the ids of the traces that Encode has written, by order, for whoever looks for them.
func CarriedIDs(carried string) map[string]string {
	contexts, _ := decode(carried) // what cannot be read leads nowhere
	ids := make(map[string]string, len(contexts))
	for _, c := range contexts {
		ids[c.orderID] = c.span.TraceID().String()
	}
	return ids
}

// traceParent is the entry's context in the form of W3C trace context.
func (e Entry) traceParent() string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), e.Span), carrier)
	return carrier[traceParent]
}

// decode reads what Encode has written, ListMax entries at most. Entries that are not sampled are left out. With an error
// it returns those that can be read.
func decode(carried string) (contexts []carriedContext, err error) {
	for part := range strings.SplitSeq(carried, separator) {
		if len(contexts) == ListMax {
			return contexts, fmt.Errorf("more than %d traces", ListMax)
		}
		orderID, parent, _ := strings.Cut(part, assignment)
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceParent: parent})
		switch span := trace.SpanContextFromContext(ctx); {
		case !span.IsValid():
			err = fmt.Errorf("%q is no trace context", part)
		case span.IsSampled():
			contexts = append(contexts, carriedContext{orderID, span})
		}
	}
	return contexts, err
}
