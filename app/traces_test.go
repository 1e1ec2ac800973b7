//go:build !race

package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// testCollector is an OpenTelemetry collector that keeps the spans that it gets over HTTP.
type testCollector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
}

func newTestCollector(t *testing.T) *testCollector {
	t.Helper()
	c := &testCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// newTracedOffice starts an office that sends traces to an address.
func newTracedOffice(t *testing.T, endpoint, sampler, arg string) *officeTest {
	t.Helper()
	o := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	o.env = o.environment()
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": arg,
		"OTEL_BSP_SCHEDULE_DELAY": "50", // milliseconds, to be seen soon
	} {
		t.Setenv(name, value) // for the exporter, which reads them by itself
		o.env[name] = value
	}
	o.start()
	return o
}

// trace returns the spans of one trace.
func (c *testCollector) trace(id string) []*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s *otlp.Span) bool { return fmt.Sprintf("%x", s.TraceId) != id })
}

// drawing shows a trace as its spans' names, each below its parent.
func drawing(spans []*otlp.Span) string {
	var text strings.Builder
	var draw func(parent, indent string)
	draw = func(parent, indent string) {
		for _, s := range spans {
			if string(s.ParentSpanId) == parent {
				text.WriteString(indent + s.Name + "\n")
				draw(string(s.SpanId), indent+"  ")
			}
		}
	}
	known := map[string]bool{}
	for _, s := range spans {
		known[string(s.SpanId)] = true
	}
	drawn := map[string]bool{}
	for _, s := range spans {
		if parent := string(s.ParentSpanId); !known[parent] && !drawn[parent] {
			drawn[parent] = true
			draw(parent, "")
		}
	}
	return text.String()
}

const (
	traceOfAlice = "0af7651916cd43dd8448eb211c80319c"
	traceOfBob   = "1af7651916cd43dd8448eb211c80319c"
	traceOfCarol = "2af7651916cd43dd8448eb211c80319c"
)

// sampledBy is the header of a caller that has sampled its trace.
func sampledBy(trace string) []string {
	return []string{"traceparent", "00-" + trace + "-b7ad6b7169203331-01"}
}

func (o *officeTest) buyTraced(buyer, screening, trace string) orderJSON {
	o.t.Helper()
	r := o.must("POST", "/v1/screenings/"+screening+"/orders", bearer(o.t, buyer, "buyer"), `{"quantity":1}`,
		append([]string{"Idempotency-Key", "traced"}, sampledBy(trace)...)...)
	if r.status != http.StatusAccepted {
		o.t.Fatalf("buy: %d %s", r.status, r.body)
	}
	return decode[orderJSON](o.t, r)
}

// eventuallySpans waits until a trace has spans of all these names, and returns it.
func (o *officeTest) eventuallySpans(c *testCollector, trace string, names ...string) []*otlp.Span {
	o.t.Helper()
	var spans []*otlp.Span
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(20 * time.Millisecond) {
		spans = c.trace(trace)
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return slices.ContainsFunc(spans, func(s *otlp.Span) bool { return s.Name == name })
		})
		if len(missing) == 0 {
			return spans
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("trace %s has no %q:\n%s", trace, missing, drawing(spans))
		}
	}
}

// One trace shows an order from its purchase to its end, though purchases share messages and transactions, and the payment
// provider's callback brings no trace context.
func TestOneTraceShowsAnOrderToItsEnd(t *testing.T) {
	c := newTestCollector(t)
	o := newTracedOffice(t, c.URL, "parentbased_always_off", "")
	screening := o.addScreening(10, 0)
	var buying sync.WaitGroup
	var paid orderJSON
	buying.Go(func() { paid = o.buyTraced("alice", screening, traceOfAlice) })
	buying.Go(func() { o.buyTraced("bob", screening, traceOfBob) })
	buying.Wait()
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	if got := o.callback("payment", paid.ID, 1); got != "applied" {
		t.Fatalf("callback: %s", got)
	}
	purchase := []string{
		"POST /v1/screenings/:id/orders", "wait for a list", "plan purchases", "local transaction", "send stock-reserved", "commit",
		"process stock-reserved", "send payment-due",
	}
	spans := o.eventuallySpans(c, traceOfAlice, append(purchase, "take payment", "record payments", "send order-settled", "process order-settled")...)
	for _, s := range spans {
		ordered := slices.ContainsFunc(s.Attributes, func(a *common.KeyValue) bool {
			return a.Key == "boxoffice.order_id" && a.Value.GetStringValue() == paid.ID
		})
		if !ordered && !slices.Contains(purchase[:3], s.Name) {
			t.Errorf("span %q does not name its order", s.Name)
		}
	}
	o.eventuallySpans(c, traceOfBob, purchase...)
	if n := len(c.trace(traceOfAlice)); testing.Verbose() {
		t.Logf("%d spans:\n%s", n, drawing(c.trace(traceOfAlice)))
	}
}

// The trace of an order that nobody pays goes on to its cancellation, over a message that waits in the broker.
func TestOneTraceShowsAnUnpaidOrderToItsEnd(t *testing.T) {
	c := newTestCollector(t)
	o := newTracedOffice(t, c.URL, "parentbased_always_off", "")
	o.needsBrokerClock(t)
	o.buyTraced("bob", o.addScreening(10, 0), traceOfBob)
	o.eventuallySpans(c, traceOfBob, "send payment-due")
	o.advance(16 * time.Minute)
	o.eventuallySpans(c, traceOfBob, "process payment-due", "send order-settled", "process order-settled")
}

// Purchases that nobody samples leave nothing in their messages, and send nothing.
func TestUnsampledPurchasesCarryNoTraces(t *testing.T) {
	c := newTestCollector(t)
	o := newTracedOffice(t, c.URL, "parentbased_traceidratio", "0")
	o.needsBrokerClock(t) // and sees the broker's messages
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	if got := o.callback("payment", order.ID, 1); got != "applied" {
		t.Fatalf("callback: %s", got)
	}
	o.eventuallyCounters(screening, 9, 0, 1)
	o.buyTraced("bob", screening, traceOfBob)
	o.eventuallySpans(c, traceOfBob, "process stock-reserved")
	carrying := 0
	for _, topic := range []string{"stock-reserved", "order-settled"} {
		for _, m := range o.broker.Messages(o.topic(topic)) {
			if m.Properties["traceparent"] != "" || m.Properties["BOXOFFICE_TRACES"] != "" {
				carrying++
			}
		}
	}
	if carrying != 1 {
		t.Errorf("%d messages carry traces, want that of the sampled purchase alone", carrying)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if fmt.Sprintf("%x", s.TraceId) != traceOfBob {
			t.Errorf("span %q of trace %x is sent", s.Name, s.TraceId)
		}
	}
}

// A collector that is away, or worse, that answers nothing, is one line of the log, and nobody waits for it.
func TestCollectorThatIsAway(t *testing.T) {
	silent := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(silent) })
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, endpoint := range map[string]string{"away": closed.URL, "silent": hanging.URL} {
		t.Run(name, func(t *testing.T) {
			o := newTracedOffice(t, endpoint, "always_on", "")
			screening := o.addScreening(100, 0)
			for n := range 20 {
				began := time.Now()
				o.mustBuy(fmt.Sprint("buyer-", n), screening, 1)
				if took := time.Since(began); took > time.Second {
					t.Errorf("a purchase took %v", took)
				}
			}
			if name == "away" {
				o.logged("outage begins", "trace collector", "connection refused")
			}
			began := time.Now()
			o.stop()
			if took := time.Since(began); took > 2*tracesFlushTimeout {
				t.Errorf("the stop took %v", took)
			}
			if n := strings.Count(o.stdout.String(), "trace collector"); n > 1 {
				t.Errorf("%d lines tell of it:\n%s", n, o.stdout)
			}
		})
	}
}
