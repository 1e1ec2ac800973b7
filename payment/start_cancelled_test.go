package payment

import (
	"errors"
	"testing"
	"time"

	"boxoffice/order"
)

// A buyer pressed Pay, and cancelled the order in another tab while the provider took its time. The worker started the attempt as
// well, to learn what there is, and closed it; the first call then found its action recorded, and sent the buyer to a page that
// takes no money.
func TestStartOfAnAttemptThatAWorkerHasClosedShowsNothing(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	slow := f.overtaken(func(Attempt) {
		if _, err := f.orders.Cancel(t.Context(), o, false); err != nil {
			t.Error(err)
		}
		if err := f.payments.OrderEnded(t.Context(), o.ID); err != nil {
			t.Error(err)
		}
		f.work()
		f.wantAttempt(o.ID, Closed)
	})
	if opened, err := slow.Start(t.Context(), o, "fake", ""); !errors.Is(err, order.ErrNotPayable) {
		t.Errorf("the buyer is shown %+v, %v", opened, err)
	}
}
