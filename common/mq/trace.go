package mq

import (
	"context"
	"slices"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"go.opentelemetry.io/otel/propagation"
)

// The message properties that carry the W3C trace context. Baggage is never sent: it may hold anything.
const (
	propertyTraceParent = "traceparent"
	propertyTraceState  = "tracestate"
)

// carrier is a message as a propagation.TextMapCarrier: its properties carry the trace context.
type carrier struct{ message *primitive.Message }

func (c carrier) Get(key string) string { return c.message.GetProperty(key) }

func (c carrier) Set(key, value string) {
	if slices.Contains(c.Keys(), key) {
		c.message.WithProperty(key, value)
	}
}

func (c carrier) Keys() []string { return []string{propertyTraceParent, propertyTraceState} }

// injectTrace puts the trace context of ctx into a message.
func injectTrace(ctx context.Context, m *primitive.Message) {
	propagation.TraceContext{}.Inject(ctx, carrier{m})
}

// extractTrace returns ctx with the trace context of a message.
func extractTrace(ctx context.Context, m *primitive.Message) context.Context {
	return propagation.TraceContext{}.Extract(ctx, carrier{m})
}
