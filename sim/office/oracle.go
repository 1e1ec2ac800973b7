package office

import (
	"context"
	"errors"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/mq"
	"boxoffice/sim/world"
)

// The times that an order has.
const (
	payWindow = 15 * time.Minute
	payLease  = 5 * time.Minute // from the start of a payment, at least
	askGrace  = 2 * time.Minute // after its end, for a provider that does not answer
)

// oracle knows what was promised, looks at the databases after each commit, and says when a promise is broken.
type oracle struct {
	world    *world.World
	bus      *world.Bus
	provider *world.Book
	bases    map[string]*db.DB // that nobody disturbs
	err      error             // of the simulation itself

	screenings map[string]*screening
	watches    []*watch
	bought     map[string]bought // by request: what a buyer was told
	orders     map[string]orderSeen
	held       map[string]reservationSeen
	promised   map[string]promise // by order
	changed    time.Time          // when an order or a reservation was seen to change
}

// screening is what of a screening the oracle needs.
type screening struct {
	id        string
	capacity  int64
	limit     int64 // 0 is none
	available int64
	closed    bool // it is cancelled
	paused    bool
}

// bought is what a buyer was told of an order.
type bought struct {
	orderID, screeningID, buyerID string
	quantity, amount              int64
}

// deed is what a process has done when it has committed: since when, and by how much the clocks were ahead.
type deed struct {
	began    time.Time
	database time.Duration    // the order database's clock, by which a deadline was made: the least of it since then
	believed time.Duration    // the database's clock as the process believes it, which it cannot know to be wrong
	sure     func() time.Time // the time that has certainly come; to ask is to look at the clock
}

// orderSeen is an order as it was last seen.
type orderSeen struct {
	ID       string `db:"id"`
	Quantity int64  `db:"quantity"`
	Amount   int64  `db:"amount"`
	State    string `db:"state"`
	Reason   string `db:"reason"`
	Expires  int64  `db:"expires_at"`
	Late     string `db:"late_payment"`
}

// promise is how long a buyer has for an order at least, in true time, and by how much the clock was ahead by which that was said.
type promise struct {
	until time.Time
	ahead time.Duration
}

// promiseOf is what an order promises that is made by a deed. A deadline is a whole millisecond of the database's clock.
func promiseOf(d deed) promise {
	until := d.began.Add(d.database + payWindow).Truncate(time.Millisecond)
	return promise{until.Add(-d.database), d.database}
}

// backedUp is a backup of the office, and what its buyers had been promised then.
type backedUp struct {
	dir      string
	promised map[string]promise
}

// watch is what is true while a buyer waits for his answer.
type watch struct {
	low  map[string]int64 // by screening, the fewest tickets that were available
	told map[string]bool  // the requests of which somebody had been told an order before
}

func (k *oracle) watch() *watch {
	one := &watch{map[string]int64{}, map[string]bool{}}
	for id, s := range k.screenings {
		one.low[id] = s.available
	}
	for request := range k.bought {
		one.told[request] = true
	}
	k.watches = append(k.watches, one)
	return one
}

func (k *oracle) unwatch(one *watch) {
	k.watches = slices.DeleteFunc(k.watches, func(other *watch) bool { return other == one })
}

// newOracle makes an oracle that has no databases yet.
func newOracle(w *world.World, b *world.Bus, provider *world.Book) *oracle {
	return &oracle{
		world: w, bus: b, provider: provider, bases: map[string]*db.DB{}, screenings: map[string]*screening{}, bought: map[string]bought{},
		orders: map[string]orderSeen{}, held: map[string]reservationSeen{}, promised: map[string]promise{}, changed: w.Now.Add(-time.Hour),
	}
}

// close closes the databases.
func (k *oracle) close() error {
	var err error
	for _, d := range k.bases {
		err = errors.Join(err, d.Close())
	}
	clear(k.bases)
	return err
}

// quiet tells whether nothing is going on.
func (k *oracle) quiet() bool {
	if k.world.Now.Sub(k.changed) < 20*time.Minute {
		return false
	}
	for _, r := range k.held {
		if r.State == "reserved" {
			return false
		}
	}
	for _, o := range k.orders {
		if o.State == "PENDING_PAYMENT" {
			return false
		}
	}
	return true
}

// selectFrom reads rows; that it cannot is an error of the simulation.
func selectFrom[T any](k *oracle, base, query string, args ...any) []T {
	var rows []T
	if err := k.bases[base].Reader().SelectContext(context.Background(), &rows, query, args...); err != nil {
		k.err = errors.Join(k.err, err)
		k.world.Fail("the oracle cannot read: %v", err)
	}
	return rows
}

// lookAtStock checks that each ticket is in one place (I1), and that no more are held than there are.
func (k *oracle) lookAtStock() {
	w := k.world
	for _, s := range selectFrom[struct {
		ID        string `db:"id"`
		Capacity  int64  `db:"capacity"`
		Available int64  `db:"available"`
		Reserved  int64  `db:"reserved"`
		Sold      int64  `db:"sold"`
		Held      int64  `db:"held"`
		Bought    int64  `db:"bought"`
		Closed    bool   `db:"closed"`
		Paused    bool   `db:"paused"`
		Limit     int64  `db:"per_user_limit"`
	}](k, world.StockBase, `SELECT screening_id AS id, capacity, available, reserved, sold, cancelled_at IS NOT NULL AS closed, paused,
		(SELECT per_user_limit FROM screenings n WHERE n.id = s.screening_id) AS per_user_limit,
		(SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = s.screening_id AND state = 'reserved') AS held,
		(SELECT COALESCE(SUM(quantity), 0) FROM reservations r WHERE r.screening_id = s.screening_id AND state = 'sold') AS bought
		FROM stock s`) {
		known := k.screenings[s.ID]
		if known == nil {
			known = &screening{id: s.ID, capacity: s.Capacity}
			k.screenings[s.ID] = known
		}
		known.capacity, known.available = s.Capacity, s.Available
		for _, one := range k.watches {
			one.low[s.ID] = min(one.low[s.ID], s.Available)
		}
		known.closed, known.paused, known.limit = s.Closed, s.Paused, s.Limit
		switch {
		case s.Available < 0 || s.Reserved < 0 || s.Sold < 0 || s.Available+s.Reserved+s.Sold != s.Capacity:
			w.Fail("I1: of %d tickets of %s %d are available, %d reserved and %d sold", s.Capacity, s.ID, s.Available, s.Reserved, s.Sold)
		case s.Held != s.Reserved || s.Bought != s.Sold:
			w.Fail("I1: %s counts %d reserved and %d sold, and its reservations are %d and %d", s.ID, s.Reserved, s.Sold, s.Held, s.Bought)
		}
	}
}

// reservationSeen is a reservation as it was last seen.
type reservationSeen struct {
	ID        string `db:"order_id"`
	Request   string `db:"request_id"`
	Screening string `db:"screening_id"`
	Buyer     string `db:"buyer_id"`
	Quantity  int64  `db:"quantity"`
	Amount    int64  `db:"amount"`
	State     string `db:"state"`
	Late      string `db:"late_payment"`
}

func (k *oracle) reservationsNow() []reservationSeen {
	return selectFrom[reservationSeen](k, world.StockBase, `SELECT order_id, request_id, screening_id, buyer_id, quantity, amount,
		state, late_payment FROM reservations ORDER BY order_id`)
}

// lookAtReservations checks that reservations go forward, stay what they were, and keep to the limits of buyers (I2).
func (k *oracle) lookAtReservations(d deed) {
	w := k.world
	type holder struct{ screening, buyer string }
	holds, buys := map[holder]int64{}, map[holder]bool{}
	for _, r := range k.reservationsNow() {
		before, known := k.held[r.ID]
		if known && before != r {
			k.changed = w.Now
			k.checkReservation(before, r)
		}
		if !known || before.State == "released" && r.State == "reserved" {
			buys[holder{r.Screening, r.Buyer}] = true
		}
		if !known {
			k.changed = w.Now
			k.promised[r.ID] = promiseOf(d)
			if r.State != "reserved" {
				w.Fail("reservation %s began as %s", r.ID, r.State)
			}
			if s := k.screenings[r.Screening]; s.closed || s.paused {
				w.Fail("%s was reserved after its screening was paused or cancelled", r.ID)
			}
		}
		k.held[r.ID] = r
		if r.State != "released" {
			holds[holder{r.Screening, r.Buyer}] += r.Quantity
		}
	}
	counted := map[holder]int64{}
	for _, row := range selectFrom[struct {
		Screening string `db:"screening_id"`
		Buyer     string `db:"buyer_id"`
		Quantity  int64  `db:"quantity"`
	}](k, world.StockBase, `SELECT screening_id, buyer_id, quantity FROM holdings`) {
		counted[holder{row.Screening, row.Buyer}] = row.Quantity
		holds[holder{row.Screening, row.Buyer}] += 0
	}
	for h, n := range holds { // any of them will do
		if k.screenings[h.screening].limit > 0 && counted[h] != n {
			w.Fail("I2: buyer %s holds %d tickets of %s, and counts as holding %d", h.buyer, n, h.screening, counted[h])
		}
	}
	for h := range buys { // any of them will do
		if limit := k.screenings[h.screening].limit; limit > 0 && holds[h] > limit {
			w.Fail("I2: buyer %s takes tickets of %s, holds %d, and the limit is %d", h.buyer, h.screening, holds[h], limit)
		}
	}
}

func (k *oracle) checkReservation(before, after reservationSeen) {
	w := k.world
	w.Note("reservation %s %s -> %s %s", after.ID, before.State, after.State, after.Late)
	moved := before
	moved.State, moved.Late = after.State, after.Late
	if moved != after {
		w.Fail("reservation %s was %+v and is %+v", after.ID, before, after)
	}
	revived := after.State == "reserved" && after.Late == "revived" && before.Late == "revive"
	switch {
	case before.State == after.State, before.State == "reserved", before.State == "sold" && after.State == "released":
	case before.State == "released" && revived:
	default:
		w.Fail("reservation %s went from %s %s to %s %s", after.ID, before.State, before.Late, after.State, after.Late)
	}
}

// fence is what stands in the fence of a half message.
func (k *oracle) fence(txID string) []string {
	return selectFrom[string](k, world.StockBase, `SELECT outcome FROM fences WHERE tx_id = ?`, txID)
}

// halfDecided checks that a half message is delivered if, and only if, its local transaction has committed (I7).
func (k *oracle) halfDecided(h *world.Half) {
	outcomes := k.fence(h.TxID)
	switch committed := len(outcomes) == 1 && outcomes[0] == "committed"; {
	case h.Outcome == mq.Commit && !committed:
		k.world.Fail("I7: half %s is delivered, and its local transaction has not committed", h.TxID)
	case h.Outcome == mq.Rollback && committed:
		k.world.Fail("I7: half %s is rolled back, and its local transaction has committed", h.TxID)
	}
}
