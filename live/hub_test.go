package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

// database is what the looks read.
type database struct {
	mu         sync.Mutex
	rows       map[string]order.Order
	screenings map[string]stock.Screening
	err        error
	slow       time.Duration // that a reading takes
	asked      int           // orders in all
}

func (d *database) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *database) Find(ctx context.Context, ids ...string) (map[string]order.Order, error) {
	return d.orders(ctx, ids, func(order.Order) bool { return true })
}

func (d *database) FindChanged(ctx context.Context, seen []order.Seen) (map[string]order.Order, error) {
	was := map[string]order.Seen{}
	var ids []string
	for _, s := range seen {
		was[s.ID], ids = s, append(ids, s.ID)
	}
	return d.orders(ctx, ids, func(o order.Order) bool { return o.Seen() != was[o.ID] })
}

func (d *database) orders(ctx context.Context, ids []string, wanted func(order.Order) bool) (map[string]order.Order, error) {
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked += len(ids)
	found := map[string]order.Order{}
	for _, id := range ids {
		if o, exists := d.rows[id]; exists && wanted(o) {
			found[id] = o
		}
	}
	return found, nil
}

func (d *database) ShownScreenings(ctx context.Context, ids []string) (map[string]stock.Screening, error) {
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[string]stock.Screening{}
	for _, id := range ids {
		if s, exists := d.screenings[id]; exists {
			found[id] = s
		}
	}
	return found, nil
}

func (d *database) read(ctx context.Context) error {
	d.mu.Lock()
	slow, err := d.slow, d.err
	d.mu.Unlock()
	select {
	case <-time.After(slow):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fixture is a hub that looks at a database, by the clock of a synctest bubble.
type fixture struct {
	*database
	t     *testing.T
	hub   *Hub
	looks atomic.Int64
	fails atomic.Int64
}

func inBubble(t *testing.T, test func(*testing.T, *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{database: &database{rows: map[string]order.Order{}, screenings: map[string]stock.Screening{}}, t: t}
		f.hub = New(Options{
			Orders: f, Screenings: f, Streams: 20_000, BuyerStreams: 20_000, Log: slog.New(slog.DiscardHandler),
			OnLook: func(_ string, _ time.Duration, err error) {
				f.looks.Add(1)
				if err != nil {
					f.fails.Add(1)
				}
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.hub.Run(ctx) })
		defer running.Wait()
		defer stop()
		test(t, f)
	})
}

// watcher counts what it is told.
type watcher struct {
	woken  atomic.Int64
	at     atomic.Int64 // when it was woken last
	closed atomic.Bool
	leave  func() // when it is closed
}

func (w *watcher) Wake() {
	w.woken.Add(1)
	w.at.Store(time.Now().UnixNano())
}

func (w *watcher) Close() error {
	w.closed.Store(true)
	if w.leave != nil {
		go w.leave()
	}
	return nil
}

func (f *fixture) enter() *Place {
	f.t.Helper()
	p, err := f.hub.Enter(Caller{})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fixture) watchOrder(id string) (*Stream[Order], *watcher) {
	f.t.Helper()
	w := &watcher{}
	return f.enter().WatchOrder(stock.Reservation{Order: event.Order{ID: id}, State: stock.Held}, w), w
}

func (f *fixture) watchScreening(id string) (*Stream[stock.Screening], *watcher) {
	f.t.Helper()
	w := &watcher{}
	return f.enter().WatchScreening(id, w), w
}

func (f *fixture) become(id string, state order.State) {
	f.set(func() { f.rows[id] = order.Order{Order: event.Order{ID: id}, State: state} })
}

// stateWithin is the state of an order as a stream has it after a while.
func stateWithin(s *Stream[Order], d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	switch newest := s.Newest(); {
	case newest == nil:
		return "unknown"
	case !newest.Value.Exists:
		return "reserved"
	default:
		return string(newest.Value.Row.State)
	}
}

const soon = orderPause + time.Millisecond

func TestOrderIsShownAsItBecomes(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		s, w := f.watchOrder("a")
		if got := stateWithin(s, soon); got != "reserved" {
			t.Errorf("without a row it is %s", got)
		}
		for _, state := range []order.State{order.PendingPayment, order.Paid, order.Cancelled} {
			f.become("a", state)
			if got := stateWithin(s, soon); got != string(state) {
				t.Errorf("it is %s, want %s", got, state)
			}
		}
		if n := w.woken.Load(); n != 4 {
			t.Errorf("woken %d times, want 4", n)
		}
		asked := func() (n int) { f.set(func() { n = f.asked }); return n }
		before := asked()
		stateWithin(s, time.Second)
		if asked() != before {
			t.Error("an order whose state is final is asked for again")
		}
	})
}

// Money that comes late can bring a cancelled order back, where its screening says so.
func TestOrderThatCanBeRevivedIsWatchedOn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		cancelled := order.Order{
			Order: event.Order{ID: "a", LatePayment: event.LateRevive}, State: order.Cancelled, CancelReason: order.CancelUnpaid,
		}
		f.set(func() { f.rows["a"] = cancelled })
		s, _ := f.watchOrder("a")
		if got := stateWithin(s, soon); got != string(order.Cancelled) || s.Newest().Value.Final() {
			t.Errorf("it is %s, final %v", got, s.Newest().Value.Final())
		}
		f.become("a", order.Paid)
		if got := stateWithin(s, soon); got != string(order.Paid) {
			t.Errorf("it is %s, want paid", got)
		}
	})
}

// A deadline that moves is a change; the time until which a provider is asked is none.
func TestDeadlineThatMovesIsShown(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.become("a", order.PendingPayment)
		s, w := f.watchOrder("a")
		stateWithin(s, soon)
		f.set(func() { o := f.rows["a"]; o.AskUntil = 9; f.rows["a"] = o })
		if stateWithin(s, soon); w.woken.Load() != 1 {
			t.Error("woken for what nobody sees")
		}
		f.set(func() { o := f.rows["a"]; o.Extended, o.ExpiresAt = true, 7; f.rows["a"] = o })
		if stateWithin(s, soon); w.woken.Load() != 2 || s.Newest().Value.Row.ExpiresAt != 7 {
			t.Errorf("woken %d times, want 2; %+v", w.woken.Load(), s.Newest().Value)
		}
	})
}

func TestWatchersShareATopicUntilTheLastLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.become("a", order.PendingPayment)
		one, _ := f.watchOrder("a")
		stateWithin(one, soon)
		two, w := f.watchOrder("a")
		if two.Newest() == nil || two.Newest() != one.Newest() {
			t.Error("the second watcher does not have the state of the first")
		}
		one.Close()
		one.Close() // gives back no second place
		f.become("a", order.Paid)
		if got := stateWithin(two, soon); got != string(order.Paid) || w.woken.Load() != 1 {
			t.Errorf("after the first has left, the second sees %s", got)
		}
		if n := f.hub.Open(); n != 1 {
			t.Errorf("%d streams are open, want 1", n)
		}
		two.Close()
		before := f.looks.Load()
		time.Sleep(time.Second)
		if n := f.hub.Open(); n != 0 || f.looks.Load() != before {
			t.Errorf("%d streams are open, and %d looks after all have left", n, f.looks.Load()-before)
		}
	})
}

// A database that is away changes nothing for those who watch; what it cannot say of one kind it may say of the other.
func TestLooksThatFailShowNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.set(func() { f.err = errors.New("away") })
		s, w := f.watchOrder("a")
		if got := stateWithin(s, time.Second); got != "unknown" || w.woken.Load() != 0 {
			t.Errorf("a look that failed shows %s", got)
		}
		if f.fails.Load() == 0 || f.fails.Load() != f.looks.Load() {
			t.Errorf("%d of %d looks failed", f.fails.Load(), f.looks.Load())
		}
		f.set(func() { f.err, f.slow = nil, time.Hour })
		if got := stateWithin(s, 2*lookTimeout); got != "unknown" {
			t.Errorf("a database that hangs shows %s", got)
		}
		f.set(func() { f.slow = 0 })
		if got := stateWithin(s, lookTimeout+time.Second); got != "reserved" {
			t.Errorf("when the database is back the order is %s", got)
		}
	})
}

// The pause after a look grows with the look, so that many watched orders do not take the processors.
func TestLongLooksAreFollowedByLongerPauses(t *testing.T) {
	for took, want := range map[time.Duration]int64{0: 10, 20 * time.Millisecond: 6, 100 * time.Millisecond: 2} {
		t.Run(took.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fixture) {
				f.set(func() { f.slow = took / 2 }) // a look at orders is two readings
				s, _ := f.watchOrder("a")
				time.Sleep(time.Second)
				before := f.looks.Load()
				time.Sleep(time.Second)
				if n := f.looks.Load() - before; n < want-1 || n > want+1 {
					t.Errorf("%d looks in a second, want about %d", n, want)
				}
				s.Close()
			})
		})
	}
}

// With ten thousand orders watched the look at all of them came round every 400 ms, and who had paid waited for it.
func TestWhatThisProcessDecidesIsShownBeforeItsTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.become("a", order.PendingPayment)
		f.become("b", order.PendingPayment)
		a, _ := f.watchOrder("a")
		b, _ := f.watchOrder("b")
		f.set(func() { f.slow = 50 * time.Millisecond }) // the pause after a look is the longest then
		stateWithin(a, 5*time.Second)
		shown := func(s *Stream[Order]) time.Duration {
			began := time.Now()
			for stateWithin(s, time.Millisecond) != string(order.Paid) {
			}
			return time.Since(began)
		}
		for shown := f.looks.Load(); f.looks.Load() == shown; { // until a look has just ended
			time.Sleep(time.Millisecond)
		}
		f.become("a", order.Paid)
		f.hub.Decided([]string{"a", "nobody's"})
		if took := shown(a); took > 200*time.Millisecond {
			t.Errorf("what this process decided was shown after %v", took)
		}
		f.become("b", order.Paid)
		if took := shown(b); took < 200*time.Millisecond || took > time.Second {
			t.Errorf("what another process decided was shown after %v", took)
		}
		a.Close()
		b.Close()
	})
}

// Each payment put off the look at those before it, so in a sale, where something is paid every few milliseconds, that look
// never came: who had paid waited for the look at all orders, half a second with ten thousand of them.
func TestWhatThisProcessDecidesIsNotPutOffByWhatItDecidesNext(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		const payments, between, soon, end = 300, 10 * time.Millisecond, 250 * time.Millisecond, 10 * time.Second
		f.set(func() { f.slow = 50 * time.Millisecond }) // the pause after a look is the longest then
		var running sync.WaitGroup
		for i := range payments {
			id := fmt.Sprint("order-", i)
			f.become(id, order.PendingPayment)
			s, w := f.watchOrder(id)
			running.Go(func() {
				defer s.Close()
				time.Sleep(5*time.Second + time.Duration(i)*between)
				f.become(id, order.Paid)
				paid := time.Now()
				f.hub.Decided([]string{id})
				for s.Newest().Value.Row.State != order.Paid {
					if time.Since(paid) > end {
						t.Errorf("payment %d is not shown after %v", i, end)
						return
					}
					time.Sleep(time.Millisecond)
				}
				if took := time.Unix(0, w.at.Load()).Sub(paid); took > soon {
					t.Errorf("payment %d was shown after %v, not within %v", i, took, soon)
				}
			})
		}
		running.Wait()
	})
}

// What other buyers do to the books shows in the number of available tickets, or not at all.
func TestScreeningIsShownAsBuyersSeeIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.set(func() { f.screenings["s"] = stock.Screening{ID: "s", Available: 5, Reserved: 3} })
		s, w := f.watchScreening("s")
		other, _ := f.watchScreening("absent")
		time.Sleep(screeningPause + time.Millisecond)
		f.set(func() {
			f.screenings["s"] = stock.Screening{ID: "s", Available: 5, Sold: 3, OrdersMade: 2, TermsVersion: 1}
		})
		time.Sleep(screeningPause + time.Millisecond)
		if w.woken.Load() != 1 || s.Newest().Value.Available != 5 {
			t.Errorf("woken %d times, want once", w.woken.Load())
		}
		if other.Newest() != nil || f.hub.ShowsScreening("absent") || !f.hub.ShowsScreening("s") {
			t.Error("a screening that does not exist is shown, or one that does is not")
		}
	})
}

func TestStateIsEncodedOnceForAll(t *testing.T) {
	encoded := 0
	encode := func(n int, at time.Time) (Event, error) {
		encoded++
		return Event{Text: fmt.Append(nil, n, at.UnixMilli())}, nil
	}
	s := &State[int]{Value: 3}
	began := time.UnixMilli(1_000_000)
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {sharedFor - 1, 1}, {sharedFor, 2}, {sharedFor + 1, 2}, {0, 3}} { // a clock that is set back makes a new one
		if _, err := s.Event(began.Add(c.later), encode); err != nil || encoded != c.want {
			t.Errorf("after %v: encoded %d times, want %d, %v", c.later, encoded, c.want, err)
		}
	}
}

// Who watches when the hub closes is closed, and so is who has a place and begins to watch a moment later.
func TestCloseEndsAllStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		var watchers []*watcher
		for n := range 10 {
			s, w := f.watchOrder(fmt.Sprint(n))
			w.leave = s.Close
			watchers = append(watchers, w)
		}
		late := f.enter()
		closed := make(chan struct{})
		go func() { f.hub.Close(); close(closed) }()
		synctest.Wait()
		for _, w := range watchers {
			if !w.closed.Load() {
				t.Error("a watcher is open after the hub has closed")
			}
		}
		if _, err := f.hub.Enter(Caller{}); !errors.Is(err, ErrStopping) {
			t.Errorf("a stream after the end: %v", err)
		}
		w := &watcher{}
		late.WatchScreening("s", w).Close()
		if !w.closed.Load() {
			t.Error("who begins to watch after the end is not closed")
		}
		<-closed
	})
}
