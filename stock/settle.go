package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
)

// SettleTimeout bounds the handling of one order-settled: its transactions, and the messages that follow.
const SettleTimeout = 20 * time.Second

const (
	settleChunk  = 1000 // orders in one transaction
	settleRounds = 10
)

// Settle makes reserved tickets sold, or available again, as their orders have become final. It may be called any
// number of times, at once and in any process: each reservation leaves its state once, and a sold one once more when the
// office cancels its order; one whose tickets were taken again passes over what had been said before. An order without a
// reservation is passed over, because a reservation is always there before anything can be said of its order. The ids that
// it returns are those of paid orders whose tickets had gone back before: they stay as they are.
func (s *Stock) Settle(ctx context.Context, e event.Settled) (released []string, err error) {
	outcomes := make(map[string]event.Outcome, len(e.Orders))
	var bad error
	for _, o := range e.Orders {
		if nextState(o.Outcome) == "" {
			bad = errors.Join(bad, fmt.Errorf("settle %s: unknown outcome %q", o.OrderID, o.Outcome))
		} else if _, known := outcomes[o.OrderID]; !known {
			outcomes[o.OrderID] = o.Outcome
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(outcomes)), settleChunk) {
		byOutcome := map[event.Outcome][]string{}
		for _, id := range ids {
			byOutcome[outcomes[id]] = append(byOutcome[outcomes[id]], id)
		}
		if s.log.Enabled(ctx, slog.LevelDebug) {
			s.log.DebugContext(ctx, "settle", "orders", ids)
		}
		gone, err := s.settleIDs(ctx, byOutcome)
		released = append(released, gone...)
		if err != nil {
			return released, err
		}
	}
	if bad != nil {
		return released, mq.Permanent(bad)
	}
	return released, nil
}

// nextState is the state to which an outcome brings a reservation; empty for an unknown outcome.
func nextState(outcome event.Outcome) ReservationState {
	switch outcome {
	case event.Paid:
		return Sold
	case event.Cancelled, event.Declined, event.Returned:
		return Released
	default:
		return ""
	}
}

// settleIDs reads the reservations, computes their settlement and writes it under guards, and starts again when another
// transaction has settled one of them in between. The ids are sorted, by the outcome of their orders.
func (s *Stock) settleIDs(ctx context.Context, ids map[event.Outcome][]string) (released []string, err error) {
	err = s.again("settle", settleRounds, func() error {
		change, err := s.planSettlement(ctx, ids)
		if err != nil {
			return fmt.Errorf("read reservations: %w", err)
		}
		released = change.released
		if change.empty() {
			return nil
		}
		err = s.db.InTx(ctx, func(tx *db.Tx) error {
			err := change.apply(ctx, tx, s.now().UnixMilli())
			failpoint.Hit("settle.before-commit")
			return err
		})
		if err == nil {
			failpoint.Hit("settle.committed")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return released, nil
}

// settlement is what one transaction writes: reservations that become sold or released, and the sums for holdings and
// stock.
type settlement struct {
	orders        map[ReservationState][]string // ids of those that are held, by their next state
	declined      []string                      // ids of those that are held again and become released
	returned      []string                      // ids of those that are sold and become released
	holdings      map[Holding]HoldingChange
	tickets       map[string]*ticketSums // by screening
	termsVersions map[string]int64       // by screening, how often the terms of its sale were changed
	released      []string               // ids of paid orders whose tickets had gone back
}

// ticketSums is how many tickets of a screening change their place: from reserved to sold or available, and from sold to
// available.
type ticketSums struct{ sold, released, returned int64 }

func newSettlement() *settlement {
	return &settlement{
		orders:        map[ReservationState][]string{},
		holdings:      map[Holding]HoldingChange{},
		tickets:       map[string]*ticketSums{},
		termsVersions: map[string]int64{},
	}
}

func (c *settlement) empty() bool {
	return len(c.orders) == 0 && len(c.declined) == 0 && len(c.returned) == 0
}

// of returns the sums of a screening, to be added to.
func (c *settlement) of(screeningID string) *ticketSums {
	if c.tickets[screeningID] == nil {
		c.tickets[screeningID] = &ticketSums{}
	}
	return c.tickets[screeningID]
}

// add adds tickets that were held.
func (t *ticketSums) add(next ReservationState, n int64) {
	if next == Sold {
		t.sold += n
	} else {
		t.released += n
	}
}

func (s *Stock) planSettlement(ctx context.Context, ids map[event.Outcome][]string) (*settlement, error) {
	change := newSettlement()
	for outcome, ids := range ids {
		added, err := s.addSums(ctx, change, ids, nextState(outcome))
		if err == nil && !added {
			err = s.addEach(ctx, change, ids, outcome)
		}
		if err != nil {
			return nil, err
		}
	}
	return change, nil
}

// addSums adds the reservations without reading each of them, which is how nearly every list goes, and takes 8 us an order
// where addEach takes 13: a tenth of all that an order costs (BenchmarkSettlement). It adds nothing, and says so, unless
// all of them are held, for the first time, and no buyer is given back what a limit counts.
func (s *Stock) addSums(ctx context.Context, change *settlement, ids []string, next ReservationState) (bool, error) {
	var sums []struct {
		ScreeningID  string           `db:"screening_id"`
		State        ReservationState `db:"state"`
		PerUserLimit int64            `db:"per_user_limit"`
		TermsVersion int64            `db:"limit_changes"`
		Orders       int              `db:"orders"`
		Tickets      int64            `db:"tickets"`
	}
	if err := s.db.Reader().SelectContext(ctx, &sums, `SELECT r.screening_id, r.state, s.per_user_limit, k.limit_changes,
		r.orders, r.tickets
		FROM (SELECT screening_id, state, COUNT(*) AS orders, SUM(quantity) AS tickets FROM reservations
			WHERE late_payment <> 'revived' AND order_id IN `+db.In(len(ids))+` GROUP BY screening_id, state) r
		JOIN screenings s ON s.id = r.screening_id JOIN stock k ON k.screening_id = s.id`, db.Args(ids)...); err != nil {
		return false, err
	}
	held := 0
	for _, sum := range sums {
		if sum.State != Held || next == Released && sum.PerUserLimit > 0 {
			return false, nil
		}
		held += sum.Orders
	}
	if held != len(ids) {
		return false, nil
	}
	change.orders[next] = append(change.orders[next], ids...)
	for _, sum := range sums {
		change.of(sum.ScreeningID).add(next, sum.Tickets)
		change.termsVersions[sum.ScreeningID] = sum.TermsVersion
	}
	return true, nil
}

// addEach reads the reservations, with the limits that their buyers were held to, and adds those that change.
func (s *Stock) addEach(ctx context.Context, change *settlement, ids []string, outcome event.Outcome) error {
	next := nextState(outcome)
	var reservations []struct {
		OrderID      string            `db:"order_id"`
		ScreeningID  string            `db:"screening_id"`
		BuyerID      string            `db:"buyer_id"`
		Quantity     int64             `db:"quantity"`
		State        ReservationState  `db:"state"`
		PerUserLimit int64             `db:"per_user_limit"`
		TermsVersion int64             `db:"limit_changes"`
		LatePayment  event.LatePayment `db:"late_payment"`
	}
	if err := s.db.Reader().SelectContext(ctx, &reservations, `SELECT r.order_id, r.screening_id, r.buyer_id, r.quantity,
		r.state, r.late_payment, s.per_user_limit, k.limit_changes FROM reservations r
		JOIN screenings s ON s.id = r.screening_id JOIN stock k ON k.screening_id = s.id
		WHERE r.order_id IN `+db.In(len(ids))+` ORDER BY r.order_id`, db.Args(ids)...); err != nil {
		return err
	}
	if absent := len(ids) - len(reservations); absent > 0 {
		s.log.Warn("settle orders that have no reservation", "orders", absent, "first", ids[0])
	}
	for _, r := range reservations {
		switch {
		case r.State == Held && r.LatePayment == event.LateRevived && outcome == event.Cancelled:
			continue // that it was unpaid is why its tickets were taken again
		case r.State == Held:
			change.settle(r.OrderID, next, r.LatePayment)
			change.of(r.ScreeningID).add(next, r.Quantity)
		case r.State == next:
			continue
		case r.State == Sold && outcome == event.Returned:
			change.returned = append(change.returned, r.OrderID)
			change.of(r.ScreeningID).returned += r.Quantity
		case outcome == event.Cancelled && r.LatePayment == event.LateRevived:
			continue // it was said before the tickets were taken again
		default:
			if next == Sold { // it was paid late, or the office's cancellation was faster: its order is told
				s.log.Warn("an order was paid whose tickets had gone back", "order_id", r.OrderID)
				change.released = append(change.released, r.OrderID)
			} else {
				s.log.Error("an order was cancelled whose tickets are sold", "order_id", r.OrderID)
			}
			continue
		}
		change.termsVersions[r.ScreeningID] = r.TermsVersion
		if next == Released && r.PerUserLimit > 0 {
			key := Holding{r.ScreeningID, r.BuyerID}
			change.holdings[key] = HoldingChange{Holding: key, Quantity: change.holdings[key].Quantity + r.Quantity}
		}
	}
	return nil
}

// settle adds a reservation that is held. To release one that is held again is a change of its own, so that what releases
// the others fails for one whose tickets are taken again meanwhile.
func (c *settlement) settle(orderID string, next ReservationState, late event.LatePayment) {
	if next == Released && late == event.LateRevived {
		c.declined = append(c.declined, orderID)
		return
	}
	c.orders[next] = append(c.orders[next], orderID)
}

// apply writes the settlement. It locks in the order of a ReservationList: reservations, holdings, stock.
func (c *settlement) apply(ctx context.Context, tx *db.Tx, now int64) error {
	for _, change := range []struct {
		from, to ReservationState
		unless   string
		ids      []string
	}{
		{Held, Sold, ``, c.orders[Sold]},
		{Held, Released, ` AND late_payment <> 'revived'`, c.orders[Released]},
		{Held, Released, ``, c.declined},
		{Sold, Released, ``, c.returned},
	} {
		if len(change.ids) == 0 {
			continue
		}
		args := append([]any{change.to, now, change.from}, db.Args(change.ids)...)
		if err := tx.ExecGuarded(ctx, len(change.ids), `UPDATE reservations SET state = ?, settled_at = ?,
			sweep_at = NULL WHERE state = ?`+change.unless+` AND order_id IN `+db.In(len(change.ids)), args...); err != nil {
			return fmt.Errorf("settle reservations: %w", err)
		}
	}
	holdings := slices.SortedFunc(maps.Values(c.holdings), HoldingChange.Compare)
	if err := returnHoldings(ctx, tx, holdings); err != nil {
		return fmt.Errorf("return holdings: %w", err)
	}
	for _, id := range slices.SortedFunc(maps.Keys(c.tickets), strings.Compare) {
		t := c.tickets[id]
		if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET reserved = reserved - ?, sold = sold + ?,
			available = available + ? WHERE screening_id = ? AND limit_changes = ?`,
			t.sold+t.released, t.sold-t.returned, t.released+t.returned, id, c.termsVersions[id]); err != nil {
			return fmt.Errorf("settle stock of %s: %w", id, err)
		}
	}
	return nil
}
