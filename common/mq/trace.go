package mq

import (
	"context"
	"slices"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/tracing"
)

// The message properties that carry traces. Baggage is never sent: it may hold anything.
const (
	propertyTraceParent = "traceparent" // W3C trace context, of the first where there are several
	propertyTraceState  = "tracestate"
	propertyTraces      = "BOXOFFICE_TRACES" // of the orders that the message is about, as tracing.List.Encode writes them
)

// messagingSystem is RocketMQ by the semantic conventions of OpenTelemetry.
const messagingSystem = "rocketmq"

// carrier is a message as a propagation.TextMapCarrier: its properties carry W3C trace context.
type carrier struct{ message *primitive.Message }

func (c carrier) Get(key string) string { return c.message.GetProperty(key) }

func (c carrier) Set(key, value string) {
	if slices.Contains(c.Keys(), key) {
		c.message.WithProperty(key, value)
	}
}

func (c carrier) Keys() []string { return []string{propertyTraceParent, propertyTraceState} }

// injectTraces puts the traces of ctx into a message.
func injectTraces(ctx context.Context, m *primitive.Message) {
	if traces := tracing.From(ctx); len(traces) > 0 {
		m.WithProperty(propertyTraces, traces.Encode())
		ctx = trace.ContextWithSpan(ctx, traces[0].Span)
	}
	propagation.TraceContext{}.Inject(ctx, carrier{m})
}

// received returns the traces that a message carries, for tracing.Tracer.Receive. Where this process traces nothing, or
// nothing of the message is sampled, there are none, and ctx has what came as W3C trace context, to be handed on.
func received(ctx context.Context, tracer *tracing.Tracer, m *primitive.Message) (handedOn context.Context, traces string) {
	if tracer.On() {
		return ctx, m.GetProperty(propertyTraces)
	}
	return propagation.TraceContext{}.Extract(ctx, carrier{m}), ""
}

// carriedTraces are the ids of the traces that a message carries, by order.
func carriedTraces(m *primitive.Message) map[string]string {
	if traces := m.GetProperty(propertyTraces); traces != "" {
		return tracing.CarriedIDs(traces)
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier{m})
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return map[string]string{"": id.String()}
	}
	return nil
}

// startSend starts the step of sending to a topic.
func startSend(ctx context.Context, topic, key string) (context.Context, tracing.List) {
	if len(tracing.From(ctx)) == 0 {
		return ctx, nil
	}
	return tracing.Start(ctx, "send "+topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKey.String(messagingSystem), semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("send"),
		semconv.MessagingDestinationName(topic), semconv.MessagingRocketMQMessageKeys(key)))
}

// startProcess starts the step of handling a message that was delivered.
func startProcess(
	ctx context.Context, tracer *tracing.Tracer, group, topic string, m *primitive.MessageExt,
) (context.Context, tracing.List) {
	ctx, traces := received(ctx, tracer, &m.Message)
	if traces == "" {
		return ctx, nil
	}
	return tracer.Receive(ctx, traces, "process "+topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		semconv.MessagingSystemKey.String(messagingSystem), semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
		semconv.MessagingDestinationName(topic), semconv.MessagingConsumerGroupName(group), semconv.MessagingMessageID(m.MsgId)))
}

// startCheck starts the step of answering a check-back.
func startCheck(ctx context.Context, tracer *tracing.Tracer, m *primitive.MessageExt) (context.Context, tracing.List) {
	ctx, traces := received(ctx, tracer, &m.Message)
	return tracer.Receive(ctx, traces, "answer check-back")
}
