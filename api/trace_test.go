package api

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/sale"
	"boxoffice/stock"
)

// The trace is made by whoever asks for it first. Messages, answer and log of one request must still name the same one,
// and another request another.
func TestARequestHasOneTrace(t *testing.T) {
	f := newFixture(t)
	var ids []string
	f.seller.purchase = func(ctx context.Context, _ sale.Request) (stock.Reservation, error) {
		ids = append(ids, trace.SpanContextFromContext(ctx).TraceID().String())
		return stock.Reservation{}, errors.New("broken")
	}
	for i := range 2 {
		w := f.send(t, buy(t))
		if got := field(t, w, "trace_id"); got != ids[i] {
			t.Errorf("the answer names the trace %s, the purchase carries %s on", got, ids[i])
		}
		if !strings.Contains(f.log.String(), `"trace_id":"`+ids[i]+`"`) {
			t.Errorf("the log does not name the trace %s: %s", ids[i], f.log)
		}
	}
	if ids[0] == ids[1] {
		t.Errorf("two requests have the trace %s", ids[0])
	}
}
