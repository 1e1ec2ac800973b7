package payment

import (
	"slices"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
)

// A provider that hangs held every handler of payment-due for as long as it was waited for, and so the cancellations of orders
// of which nobody was to be asked. It is asked for a bounded number of lists at once; the orders of a further one are given
// back at once, and asked for when there is time.
func TestProviderThatHangsIsAskedForFewListsAtOnce(t *testing.T) {
	f := newFixture(t)
	turns := max(1, AskLists/len(f.payments.Options.Providers))
	orders := make([]event.Order, turns+1)
	for i := range orders {
		orders[i] = f.create(10 * time.Minute)
		f.start(orders[i])
	}
	f.advance(10 * time.Minute)
	hang := make(chan struct{})
	f.provider.set(func(p *fakeProvider) { p.hang = hang })
	ask := func(o event.Order) ([]string, error) {
		return f.payments.AskBeforeTimeout(t.Context(), event.Due{DueAt: o.ExpiresAt, OrderIDs: []string{o.ID}})
	}
	var asking sync.WaitGroup
	for _, o := range orders[:turns] {
		asking.Go(func() {
			if busy, err := ask(o); err != nil || len(busy) > 0 {
				t.Errorf("%v, %v", busy, err)
			}
		})
	}
	for deadline := time.Now().Add(20 * time.Second); len(f.payments.turns["fake"]) < turns && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	last := orders[turns]
	if busy, err := ask(last); err != nil || !slices.Equal(busy, []string{last.ID}) {
		t.Errorf("busy with %v, %v, want %s", busy, err, last.ID)
	}
	f.advance(time.Hour) // past its time to ask: it is not put off any more
	if busy, err := ask(last); err != nil || len(busy) > 0 {
		t.Errorf("busy with %v, %v after the last time to ask", busy, err)
	}
	close(hang)
	asking.Wait()
	if n := len(f.payments.turns["fake"]); n != 0 {
		t.Errorf("%d turns were not given back", n)
	}
	if busy, err := ask(last); err != nil || len(busy) > 0 {
		t.Errorf("busy with %v, %v, though it has time", busy, err)
	}
}
