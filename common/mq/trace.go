package mq

import (
	"context"
	"slices"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"go.opentelemetry.io/otel/propagation"
)

// The W3C trace context travels in message properties of these names. Baggage never does: it may hold anything.
const (
	propertyTraceParent = "traceparent"
	propertyTraceState  = "tracestate"
)

// carrier lets a message's properties carry the trace context.
type carrier struct{ message *primitive.Message }

func (c carrier) Get(key string) string { return c.message.GetProperty(key) }

func (c carrier) Set(key, value string) {
	if slices.Contains(c.Keys(), key) {
		c.message.WithProperty(key, value)
	}
}

func (c carrier) Keys() []string { return []string{propertyTraceParent, propertyTraceState} }

func injectTrace(ctx context.Context, m *primitive.Message) {
	propagation.TraceContext{}.Inject(ctx, carrier{m})
}

func extractTrace(ctx context.Context, m *primitive.Message) context.Context {
	return propagation.TraceContext{}.Extract(ctx, carrier{m})
}
