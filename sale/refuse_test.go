package sale

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// newRefusing is a seller of a process of its own, whose lists tests hand over and whose reader runs.
func newRefusing(t *testing.T, s *shop) *Seller {
	t.Helper()
	v := newUnstarted(s)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); v.reader.run(ctx) }()
	loaded := make(chan struct{})
	go func() { defer close(loaded); v.loader.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; <-loaded })
	return v
}

// know makes a seller know that the sale of a screening is over, as a plan does that turns somebody away.
func (c *cache) know(ids ...string) {
	for _, id := range ids {
		_, asOf := c.recall(nil)
		c.keep(map[string]stock.Screening{id: {ID: id}}, asOf)
		c.forget(id) // it was made up
		c.turnedAway(id)
	}
}

// refusal has a stranger turned away, and then asks until the reader has read what it needs for an answer.
func refusal(t *testing.T, s *Seller, screening, buyer string) error {
	t.Helper()
	s.cache.know(screening)
	for deadline := time.Now().Add(patience); ; {
		if err := s.Refuse(t.Context(), screening, "a stranger", "k"); err != nil {
			return s.Refuse(t.Context(), screening, buyer, "k")
		}
		if time.Now().After(deadline) {
			t.Fatal("the seller does not learn that the sale is over")
		}
	}
}

// Nobody is refused but after a plan has turned somebody away: a sale that goes on costs no reading.
func TestSellerRefusesWhatIsOver(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 2, 0)
	v := newRefusing(t, s)
	mustSell(t, s, screening.ID, "alice", "bob")
	if err := v.Refuse(t.Context(), screening.ID, "carol", "k"); err != nil || v.CacheStats().Readings != 0 {
		t.Errorf("before anybody was turned away: %v, %+v", err, v.CacheStats())
	}
	wantErr(t, decide(v, Request{"carol", "k", screening.ID, 1})[0].err, stock.ErrSoldOut)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, stock.ErrSoldOut) {
		t.Errorf("sold out: %v, want stock.ErrSoldOut", err)
	}
	now.Advance(25 * time.Hour)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, stock.ErrSaleClosed) {
		t.Errorf("sale closed: %v, want stock.ErrSaleClosed", err)
	}
	now.Advance(-26 * time.Hour)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, stock.ErrSaleNotOpen) {
		t.Errorf("sale not open: %v, want stock.ErrSaleNotOpen", err)
	}
}

// A buyer whose answer was lost sends the purchase again. The sale may be over by then, and the view, in whichever
// process, must not say "sold out" to somebody who holds a ticket.
func TestSellerNeverRefusesARepeatedKey(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 0)
	v := newRefusing(t, s)
	mustSell(t, s, screening.ID, "alice", "bob", "carol")
	for _, buyer := range []string{"alice", "bob", "carol"} {
		if err := refusal(t, v, screening.ID, buyer); err != nil {
			t.Errorf("%s sends the purchase again: %v", buyer, err)
		}
	}
	if err := refusal(t, v, screening.ID, "dave"); !errors.Is(err, stock.ErrSoldOut) {
		t.Errorf("somebody else: %v, want stock.ErrSoldOut", err)
	}
}

// A ticket came back, another process sold it, and this one refused the repeat of that very key for as long as it believed
// its last look at the database, a moment ago. A refusal rests on a look that began after the question.
func TestSellerNeverRefusesWhatAnotherProcessHasJustSold(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v, other := newRefusing(t, s), newUnstarted(s.process())
	mustSell(t, s, screening.ID, "alice")
	held := buyerOrder(t, s, "alice")
	for n := range 200 {
		buyer := fmt.Sprint("buyer-", n)
		if err := refusal(t, v, screening.ID, buyer); !errors.Is(err, stock.ErrSoldOut) {
			t.Fatalf("%s without a ticket: %v", buyer, err)
		}
		settle(t, s, event.Cancelled, held)
		bought := decide(other, Request{buyer, "k", screening.ID, 1})[0]
		if bought.err != nil {
			t.Fatal(bought.err)
		}
		if err := v.Refuse(t.Context(), screening.ID, buyer, "k"); err != nil {
			t.Fatalf("%s was sold a ticket and is refused it: %v", buyer, err)
		}
		held = bought.ID
	}
}

func buyerOrder(t *testing.T, s *shop, buyer string) string {
	t.Helper()
	found, _, err := s.Reservations(t.Context(), buyer, "", 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d reservations of %s, %v", len(found), buyer, err)
	}
	return found[0].ID
}

// Another process sells a returned ticket, and its clock is an hour behind: its order is older than anything this
// process has read, and is found all the same before anybody is refused.
func TestSellerFindsOrdersOfAClockThatIsBehind(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 2, 0)
	now.Advance(2 * time.Hour)
	mustSell(t, s, screening.ID, "alice", "bob")
	v := newRefusing(t, s)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, stock.ErrSoldOut) {
		t.Fatalf("sold out: %v", err)
	}
	settle(t, s, event.Cancelled, buyerOrder(t, s, "bob"))
	now.Advance(-time.Hour)
	mustSell(t, s, screening.ID, "erin")
	now.Advance(time.Hour)
	if err := v.Refuse(t.Context(), screening.ID, "erin", "k"); err != nil {
		t.Errorf("erin: %v", err)
	}
	if err := refusal(t, v, screening.ID, "erin"); err != nil {
		t.Errorf("erin, when all is read: %v", err)
	}
	if err := v.Refuse(t.Context(), screening.ID, "carol", "k"); !errors.Is(err, stock.ErrSoldOut) {
		t.Errorf("sold out again: %v, want stock.ErrSoldOut", err)
	}
}

func TestSellerSellsAgainWhatComesBack(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v := newRefusing(t, s)
	mustSell(t, s, screening.ID, "alice")
	if err := refusal(t, v, screening.ID, "bob"); !errors.Is(err, stock.ErrSoldOut) {
		t.Fatalf("sold out: %v", err)
	}
	capacity := int64(2)
	if _, err := s.ChangeScreening(t.Context(), screening.ID, stock.ScreeningChange{Capacity: &capacity}); err != nil {
		t.Fatal(err)
	}
	if err := v.Refuse(t.Context(), screening.ID, "bob", "k"); err != nil {
		t.Errorf("after a restock: %v, want nothing", err)
	}
}

// A thousand made-up screening ids took all the places, and the screening that was sold out got none.
func TestSellerKeepsNoScreeningThatDoesNotExist(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v := newRefusing(t, s)
	for n := range 2 * cacheScreenings {
		id := fmt.Sprint("made-up-", n)
		_ = v.Refuse(t.Context(), id, "mallory", "k")
		if n%100 == 0 {
			wantErr(t, decide(v, Request{"mallory", "k", id, 1})[0].err, stock.ErrScreeningNotFound)
		}
	}
	if n := v.CacheStats().Screenings; n != 0 {
		t.Errorf("%d screenings are known, want none", n)
	}
	mustSell(t, s, screening.ID, "alice")
	wantErr(t, decide(v, Request{"bob", "k", screening.ID, 1})[0].err, stock.ErrSoldOut)
	if n := v.CacheStats().Screenings; n != 1 {
		t.Errorf("%d screenings are known, want the one that is sold out", n)
	}
}

// Places and memory are bounded, and who has not been asked for the longest makes room.
func TestSellerForgetsTheIdlest(t *testing.T) {
	s, _ := newStock(t)
	v := newUnstarted(s)
	c := stocktest.NewClock()
	v.cache.clock, v.cache.began = c.Now, c.Now()
	for n := range cacheScreenings + 2 {
		v.cache.know(fmt.Sprint(n))
		c.Advance(time.Second)
		v.cache.over("0")
	}
	if n := v.CacheStats().Screenings; n != cacheScreenings {
		t.Errorf("%d screenings are known, want the bound of %d", n, cacheScreenings)
	}
	for id, want := range map[string]bool{"0": true, "1": false, "2": false, "3": true} {
		if v.cache.entries[id] != nil != want {
			t.Errorf("screening %s known: %t, want %t", id, !want, want)
		}
	}
	v.cache.entries["3"].requests.add([]stock.OrderKey{{RequestID: stock.RequestID("alice", "k"), BuyerID: "alice"}})
	if !v.cache.makeRoom("0", cacheRequests) || v.cache.entries["3"] != nil || v.cache.entries["0"] == nil {
		t.Error("a screening's orders found no room beside an idle one")
	}
	if v.cache.makeRoom("0", cacheRequests+1) {
		t.Error("orders beyond all bounds found room")
	}
}

// A screening of many orders never came to an end within the time for one look, and kept the others from theirs.
func TestSellerReadsManyOrdersInPages(t *testing.T) {
	s, _ := newStock(t)
	const orders = 2*requestsPage + 7
	big, small := addScreening(t, s, orders, 0), addScreening(t, s, 1, 0)
	mustSell(t, s, small.ID, "alice")
	fill(t, s, big.ID, orders)
	v := newRefusing(t, s)
	for _, screening := range []stock.Screening{big, small} {
		if err := refusal(t, v, screening.ID, "stranger"); !errors.Is(err, stock.ErrSoldOut) {
			t.Errorf("sold out: %v", err)
		}
	}
	if err := v.Refuse(t.Context(), big.ID, "filler-5003", "k"); err != nil {
		t.Errorf("a repeated key: %v", err)
	}
	// A page that a slow machine does not read within its time is read again.
	if stats := v.CacheStats(); stats.Orders != orders+1 || stats.Pages < 4 {
		t.Errorf("%+v, want all orders, in 3 pages and one at least", stats)
	}
}

// On a machine that was too slow for a page of orders within its time, the same page was asked for again and again, each time
// from the first order on: the screening's repeated keys went to the database for ever. A page that does not come is halved,
// and nothing is read twice.
func TestSellerReadsSmallerPagesWhereTheDatabaseIsSlow(t *testing.T) {
	s, _ := newStock(t)
	const orders, quick = requestsPage + 7, requestsPage / 8
	screening := addScreening(t, s, orders, 0)
	fill(t, s, screening.ID, orders)
	v := newUnstarted(s)
	v.cache.know(screening.ID)
	v.cache.entries[screening.ID].wanted.Store(orders)
	read, rows := v.loader.read, 0
	v.loader.read = func(ctx context.Context, id string, afterTime int64, afterOrder string, limit int) ([]stock.OrderKey, error) {
		if limit > quick {
			return nil, context.DeadlineExceeded
		}
		found, err := read(ctx, id, afterTime, afterOrder, limit)
		rows += len(found)
		return found, err
	}
	for tries := 0; len(v.cache.lacking()) > 0; tries++ {
		if tries > 100 {
			t.Fatalf("%d of %d orders are read after %d tries", v.CacheStats().Orders, orders, tries)
		}
		v.loader.loadPages(t.Context())
	}
	if rows != orders {
		t.Errorf("%d rows were read of %d", rows, orders)
	}
}

// fill sells n tickets to as many buyers behind the back of the seller.
func fill(t testing.TB, s *shop, screeningID string, n int) {
	t.Helper()
	fillFrom(t, s, screeningID, 0, n)
}

// fillFrom is fill with buyers of other numbers.
func fillFrom(t testing.TB, s *shop, screeningID string, from, n int) {
	t.Helper()
	err := s.db.InTx(t.Context(), func(tx *db.Tx) error {
		values := make([]any, 0, 11*n)
		for i := from; i < from+n; i++ {
			buyer := fmt.Sprint("filler-", i)
			values = append(values, stock.NewID(s.clock.Now()), stock.RequestID(buyer, "k"), screeningID, buyer, 1, 1, "CNY", string(stock.Sold),
				opening+int64(i/3), opening, 1)
		}
		if err := tx.Insert(t.Context(), `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency,
			state, created_at, expires_at, settled_at)`, values); err != nil {
			return err
		}
		_, err := tx.ExecContext(t.Context(), `UPDATE stock SET available = available - ?, sold = sold + ?, sales = sales + ?
			WHERE screening_id = ?`, n, n, n, screeningID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What an order costs in memory is what /metrics shows.
func TestRequestSetIsAsLargeAsItSays(t *testing.T) {
	const orders = 200_000
	rows := make([]stock.OrderKey, orders)
	for i := range rows {
		buyer := fmt.Sprint("buyer-", i)
		rows[i] = stock.OrderKey{RequestID: stock.RequestID(buyer, "k"), BuyerID: buyer}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var set requestSet
	for page := range slices.Chunk(rows, requestsPage) {
		set.add(page)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := float64(after.HeapAlloc-before.HeapAlloc) / orders; each > requestBytes {
		t.Errorf("an order takes %.0f bytes, said to be %d", each, requestBytes)
	}
	if set.size() != orders || !set.has("buyer-7", "k") || set.has("buyer-7", "other") {
		t.Errorf("%d orders, want %d with the one of buyer-7", set.size(), orders)
	}
	runtime.KeepAlive(rows)
}

// Those who wait when the seller closes go to Purchase, which says what there is to say.
func TestSellerLetsGoOfThoseWhoWait(t *testing.T) {
	s, _ := newStock(t)
	v := newUnstarted(s)
	v.cache.know("s")
	answered := make(chan error)
	go func() { answered <- v.Refuse(context.Background(), "s", "alice", "k") }()
	v.reader.awaitWaiting(t)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	v.reader.run(ended)
	if err := <-answered; err != nil {
		t.Errorf("refused: %v", err)
	}
	if err := v.Refuse(context.Background(), "s", "alice", "k"); err != nil {
		t.Errorf("refused by a closed seller: %v", err)
	}
}

// awaitWaiting returns when somebody waits for the next reading.
func (v *saleReader) awaitWaiting(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		v.mu.Lock()
		waiting := v.next != nil
		v.mu.Unlock()
		if waiting {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a reading")
		}
	}
}

// A screening's entry was dropped and made again while somebody waited for a reading: it was judged by the new one, and the
// waiter's own key was looked for in the old one, which lacked it.
func TestReadingIsJudgedByOneEntry(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v := newUnstarted(s)
	mustSell(t, s, screening.ID, "alice")
	v.cache.know(screening.ID)
	before := v.cache.entries[screening.ID]
	before.over.Store(true)
	answered := make(chan error)
	go func() { answered <- v.Refuse(t.Context(), screening.ID, "alice", "k") }()
	v.reader.awaitWaiting(t)
	var complete entry
	complete.requests.add([]stock.OrderKey{{RequestID: stock.RequestID("alice", "k"), BuyerID: "alice"}})
	v.reader.join(screening.ID, &complete)
	v.reader.readOnce(t.Context())
	if err := <-answered; err != nil {
		t.Errorf("a repeated key: %v", err)
	}
}
