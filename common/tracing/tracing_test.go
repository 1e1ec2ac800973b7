package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/tracing"
)

// newTracer returns a tracer that samples everything, and what it has recorded.
func newTracer(t testing.TB) (*tracing.Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	tracer, err := tracing.New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	if err != nil {
		t.Fatal(err)
	}
	return tracer, recorder
}

// begin begins the traces of n orders, named 0, 1 and so on.
func begin(t testing.TB, tracer *tracing.Tracer, n int) (list tracing.List) {
	t.Helper()
	for i := range n {
		ctx, _ := tracer.Begin(t.Context(), "purchase")
		list = list.Add(ctx, fmt.Sprint(i))
	}
	return list
}

func TestAStepIsASpanInEachTrace(t *testing.T) {
	tracer, recorder := newTracer(t)
	list := begin(t, tracer, 3)
	ctx, step := tracing.Start(tracing.With(t.Context(), list), "plan")
	_, inner := tracing.Start(ctx, "read")
	inner.End(nil)
	step.End(errors.New("database is away"))
	ended := recorder.Ended()
	if len(ended) != 6 {
		t.Fatalf("%d spans, want two in each of three traces", len(ended))
	}
	for i, s := range ended[3:] {
		if s.Parent().SpanID() != list[i].Span.SpanContext().SpanID() || s.Status().Description != "database is away" {
			t.Errorf("step %d: below %v, %+v", i, s.Parent().SpanID(), s.Status())
		}
		if ended[i].Parent().SpanID() != s.SpanContext().SpanID() || ended[i].SpanContext().TraceID() != s.SpanContext().TraceID() {
			t.Errorf("the inner step %d is not below the outer one", i)
		}
	}
}

func TestTracesGoThroughAMessage(t *testing.T) {
	tracer, recorder := newTracer(t)
	list := begin(t, tracer, 2)
	ctx, step := tracer.Receive(t.Context(), list.Encode(), "process")
	step.End(nil)
	if got := tracing.From(ctx); len(got) != 2 || got[1].OrderID != "1" {
		t.Errorf("received %+v", got)
	}
	for i, s := range recorder.Ended() {
		if s.Parent().SpanID() != list[i].Span.SpanContext().SpanID() || !s.Parent().IsRemote() {
			t.Errorf("process %d is below %v", i, s.Parent())
		}
	}
}

// Lists are bounded, whatever the sampler lets in or a message claims.
func TestListsAreBounded(t *testing.T) {
	tracer, _ := newTracer(t)
	list := begin(t, tracer, 3*tracing.ListMax)
	if len(list) != tracing.ListMax || len(list.Join(list)) != tracing.ListMax {
		t.Errorf("%d entries, want %d", len(list), tracing.ListMax)
	}
	_, step := tracer.Receive(t.Context(), strings.Repeat(list.Encode()+";", 100), "process")
	if len(step) != tracing.ListMax {
		t.Errorf("received %d entries", len(step))
	}
	if n := len(list.Encode()); n > 4096 {
		t.Errorf("a message carries %d bytes of %d traces", n, len(list))
	}
}

// A message of whoever may write into the topic breaks nothing.
func TestWhatIsNoTraceIsPassedOver(t *testing.T) {
	tracer, recorder := newTracer(t)
	good := begin(t, tracer, 1).Encode()
	for carried, want := range map[string]int{
		"": 0, ";": 0, "=": 0, "a=b": 0, "a=00-0-0-01": 0, strings.Repeat("=", 1<<16): 0, strings.Repeat(";", 1<<16): 0,
		"a=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00": 0, // is not sampled
		"=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":  1,
		"nonsense;" + good: 1,
	} {
		_, step := tracer.Receive(t.Context(), carried, "process")
		step.End(nil)
		if len(step) != want {
			t.Errorf("%.60q: %d steps, want %d", carried, len(step), want)
		}
	}
	if len(recorder.Ended()) != 2 {
		t.Errorf("%d spans", len(recorder.Ended()))
	}
}

// Whoever pays or cancels an order brings no trace of it.
func TestJoinFindsTheTraceOfAnOrder(t *testing.T) {
	tracer, recorder := newTracer(t)
	list := begin(t, tracer, 1)
	tracer.Remember(list)
	ctx, callback := tracer.Begin(t.Context(), "callback")
	_, step := tracer.Join(ctx, "0", "pay")
	step.End(nil)
	callback.End()
	pay, request := recorder.Ended()[0], recorder.Ended()[1]
	if pay.SpanContext().TraceID() != list[0].Span.SpanContext().TraceID() {
		t.Error("the payment is not in the trace of its order")
	}
	if len(pay.Links()) != 1 || pay.Links()[0].SpanContext.SpanID() != request.SpanContext().SpanID() || len(request.Links()) != 1 {
		t.Errorf("the payment and its request do not know each other: %v, %v", pay.Links(), request.Links())
	}
	_, unknown := tracer.Join(ctx, "unknown", "pay")
	unknown.End(nil)
	if got := recorder.Ended()[2]; got.SpanContext().TraceID() != request.SpanContext().TraceID() {
		t.Error("the payment of an order that is not remembered is not in the trace of its request")
	}
}

func TestNothingIsTracedWithoutATracer(t *testing.T) {
	var tracer *tracing.Tracer
	ctx, span := tracer.Begin(t.Context(), "purchase")
	ctx, joined := tracer.Join(ctx, "order", "pay")
	ctx, received := tracer.Receive(ctx, "=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "process")
	ctx, step := tracing.Start(ctx, "step")
	tracer.Remember(tracing.From(ctx))
	step.End(nil)
	if tracer.On() || span != nil || joined != nil || received != nil || step != nil || trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("something is traced")
	}
}

// BenchmarkStep is what a step costs a list: where traces are off or nobody of the list is sampled, and for each who is.
func BenchmarkStep(b *testing.B) {
	tracer, _ := newTracer(b)
	for _, sampled := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("sampled-%d", sampled), func(b *testing.B) {
			ctx := tracing.With(context.WithoutCancel(b.Context()), begin(b, tracer, sampled))
			b.ReportAllocs()
			for b.Loop() {
				_, step := tracing.Start(ctx, "step")
				step.End(nil)
			}
		})
	}
}
