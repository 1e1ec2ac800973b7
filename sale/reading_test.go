package sale

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
)

// gate holds a reading between the statement and what is made of it: there it looks at the time.
type gate struct {
	now           func() time.Time
	armed         atomic.Bool
	reached, open chan struct{}
}

func (g *gate) Now() time.Time {
	if g.armed.CompareAndSwap(true, false) {
		close(g.reached)
		<-g.open
	}
	return g.now()
}

// holdReading returns the view of a process of its own, which knows that the screening is sold out, and a stranger who
// waits for a reading that has been made and is held.
func holdReading(t *testing.T, s *shop, screening string) (v *Seller, g *gate, stranger <-chan error) {
	t.Helper()
	g = &gate{now: s.clock.Now, reached: make(chan struct{}), open: make(chan struct{})}
	v = newRefusing(t, s.process())
	v.reader.now = g.Now
	wantErr(t, refusal(t, v, screening, "a stranger"), stock.ErrSoldOut)
	g.armed.Store(true)
	answered := make(chan error, 1)
	go func() { answered <- v.Refuse(t.Context(), screening, "a stranger", "k") }()
	<-g.reached
	return v, g, answered
}

// joined is the reading for which somebody waits, or nil.
func (v *saleReader) joined() *reading {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.next
}

// A buyer came while a reading was running, and could have been refused by what it had read before the buyer's own ticket
// was sold. Who comes after a reading began waits for the next.
func TestReadingRefusesNobodyWhoCameAfterItBegan(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	mustSell(t, s, screening.ID, "alice")
	v, g, stranger := holdReading(t, s, screening.ID)
	settle(t, s, event.Cancelled, buyerOrder(t, s, "alice"))
	mustSell(t, s, screening.ID, "bob")
	bob := make(chan error, 1)
	go func() { bob <- v.Refuse(t.Context(), screening.ID, "bob", "k") }()
	for deadline := time.Now().Add(patience); v.reader.joined() == nil; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("bob does not ask")
		}
	}
	close(g.open)
	if err := <-bob; err != nil {
		t.Errorf("bob was sold a ticket and is refused it: %v", err)
	}
	if err := <-stranger; !errors.Is(err, stock.ErrSoldOut) {
		t.Errorf("the stranger, who came before: %v, want stock.ErrSoldOut", err)
	}
}

// An order that is learnt of after a reading does not stand for one that the reading counted and nobody knows yet.
func TestReadingCountsOnlyOrdersKnownBefore(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 2, 0)
	mustSell(t, s, screening.ID, "alice", "dave")
	v := newUnstarted(s)
	g := &gate{now: s.clock.Now, reached: make(chan struct{}), open: make(chan struct{})}
	v.reader.now = g.Now
	v.cache.know(screening.ID)
	e := v.cache.entries[screening.ID]
	learn := func(buyer string) {
		e.requests.add([]stock.OrderKey{{RequestID: stock.RequestID(buyer, "k"), BuyerID: buyer}})
	}
	learn("dave")
	g.armed.Store(true)
	alice := make(chan error, 1)
	go func() { alice <- v.Refuse(t.Context(), screening.ID, "alice", "k") }()
	v.reader.awaitWaiting(t)
	go v.reader.readOnce(t.Context())
	<-g.reached
	learn("somebody who bought after the reading")
	close(g.open)
	if err := <-alice; err != nil {
		t.Errorf("alice was sold a ticket and is refused it: %v", err)
	}
}
