package cancellation

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"boxoffice/order"
)

// The orders of a cancelled screening could not be ended in an outage of the order database, and every half minute the log said so
// again: what a step had claimed rested, the looks between found nothing to do, and that was taken for the end of the outage.
// The outage is for the watch to tell, or for whoever is told in its place; who finds nothing to do says nothing.
func TestWorkerLeavesOutagesToTheWatch(t *testing.T) {
	o := newOffice(t)
	screening, _ := o.addSale(4)
	o.cancel(screening.ID)
	if err := o.orderDB.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	var told []error
	ctx, cancel := context.WithCancel(t.Context())
	w := o.worker()
	w.log = slog.New(slog.NewTextHandler(&log, nil))
	w.ordersAway = func(err error) bool {
		if told = append(told, err); len(told) == 2 {
			cancel()
		}
		o.clock.Advance(stepTimeout * 2) // past the lease
		return true
	}
	w.Run(ctx)
	for _, err := range told {
		if !errors.Is(err, order.ErrUnavailable) {
			t.Errorf("told %v", err)
		}
	}
	if len(told) != 2 || log.Len() > 0 {
		t.Errorf("told %d times, and logged %s", len(told), &log)
	}
}
