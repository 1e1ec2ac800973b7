package cancellation

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// end takes the ids of orders whose payments are to be closed.
func (o *office) end(_ context.Context, orderIDs []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.endFails
	o.endFails = nil
	if err == nil {
		o.ended = append(o.ended, orderIDs...)
	}
	return err
}

// The orders of a cancelled screening were final, and what their buyers had begun to pay stayed open for minutes. All are told
// of, those whose buyer has not paid among them, and those of a step that failed at this come again.
func TestPaymentsOfACancelledScreeningAreToBeClosed(t *testing.T) {
	o := newOffice(t)
	screening, sold := o.addSale(8)
	o.endFails = errors.New("the database is away")
	o.cancel(screening.ID)
	if _, err := o.worker().Step(t.Context()); err == nil {
		t.Fatal("a step that could not tell of its orders has not failed")
	}
	o.clock.Advance(2 * stepTimeout)
	o.finish(t, screening.ID, sold)
	for _, bought := range sold {
		if !slices.Contains(o.ended, bought.ID) {
			t.Errorf("order %s has ended, and nobody was told", bought.ID)
		}
	}
}
