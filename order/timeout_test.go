package order

import (
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

func TestTimeoutCancelsWhatIsUnpaid(t *testing.T) {
	f := newFixture(t)
	unpaid, paid := f.reserve(time.Minute), f.reserve(time.Minute)
	f.create(unpaid, paid)
	f.pay(f.payment(paid), Applied)
	f.drained(1)
	f.clock.advance(time.Minute)
	for range 2 { // the queue may deliver it twice
		f.timeout(unpaid.ID, paid.ID, "unknown")
	}
	f.wantState(unpaid.ID, Cancelled, CancelUnpaid)
	f.wantState(paid.ID, Paid, "")
	f.wantSettled(
		event.SettledOrder{OrderID: unpaid.ID, Outcome: event.Cancelled},
		event.SettledOrder{OrderID: paid.ID, Outcome: event.Paid},
	)
	if found, err := f.orders.Find(t.Context(), "unknown"); err != nil || len(found) != 0 {
		t.Errorf("an unknown order came to be: %v, %v", found, err)
	}
}

// 15 min is no delay level: the message takes 10 min, and then 5. Each step comes a little late, and that must not
// break the second one into ever shorter levels.
func TestAnyPaymentWindowIsAChainOfLevels(t *testing.T) {
	const latency = 200 * time.Millisecond
	f := newFixture(t)
	for window, want := range map[time.Duration][]time.Duration{
		15 * time.Minute:       {10 * time.Minute, 5 * time.Minute},
		10 * time.Minute:       {10 * time.Minute},
		90 * time.Second:       {time.Minute, 30 * time.Second},
		300 * time.Millisecond: {time.Second},
		3 * time.Hour:          {2 * time.Hour, time.Hour},
	} {
		o := f.reserve(window)
		f.clock.advance(latency / 2)
		before := len(f.dues())
		f.create(o)
		for i, step := range want {
			dues := f.dues()
			if len(dues) != before+i+1 || dues[before+i].level != mq.LevelFor(step) {
				t.Fatalf("window %v, step %d: sent %+v, want the level of %v", window, i, dues[before:], step)
			}
			f.wantState(o.ID, PendingPayment, "")
			f.clock.advance(step + latency)
			f.timeout(o.ID)
		}
		f.wantState(o.ID, Cancelled, CancelUnpaid)
		if late := f.clock.now().UnixMilli() - o.ExpiresAt; late > 2*time.Second.Milliseconds() {
			t.Errorf("window %v: cancelled %d ms late", window, late)
		}
	}
}

// One message may list orders with different deadlines; each has to be cancelled at its own.
func TestOrdersOfOneMessageEachKeepTheirDeadline(t *testing.T) {
	f := newFixture(t)
	windows := []time.Duration{30 * time.Minute, time.Minute, 10 * time.Minute}
	list := make([]event.Order, len(windows))
	for i, window := range windows {
		list[i] = f.reserve(window)
	}
	f.create(list...)
	for range 10 {
		dues := f.dues()
		last := dues[len(dues)-1]
		f.clock.advance(delayOf(last.level))
		f.deliver(last.Due)
		pending := 0
		for _, o := range list {
			late := f.clock.now().UnixMilli() - o.ExpiresAt
			state := f.find(o.ID).State
			if late >= 0 && state != Cancelled || late < 0 && state != PendingPayment {
				t.Fatalf("%d ms after its deadline an order is %s", late, state)
			}
			if late > dueSlack.Milliseconds() && len(dues) == 1 {
				t.Errorf("woken %d ms late", late)
			}
			if state == PendingPayment {
				pending++
			}
		}
		if pending == 0 {
			return
		}
	}
	t.Error("not all orders were cancelled after 10 messages")
}

// An order whose payment provider had no time is looked at again soon.
func TestOrdersAreLookedAtAgainSoon(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	before := len(f.dues())
	if err := f.orders.LookAgain(t.Context(), event.Due{OrderIDs: []string{o.ID}, Looks: []int{3}}); err != nil {
		t.Fatal(err)
	}
	dues := f.dues()[before:]
	if len(dues) != 1 || dues[0].OrderIDs[0] != o.ID || dues[0].LooksAt(0) != 3 || dues[0].level != mq.LevelFor(time.Second) {
		t.Errorf("sent %+v", dues)
	}
	if err := f.orders.LookAgain(t.Context(), event.Due{}); err != nil || len(f.dues()) != before+1 {
		t.Errorf("sent %+v of no order, %v", f.dues()[before:], err)
	}
}
