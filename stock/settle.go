package stock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	settleChunk  = 1000 // orders in one transaction
	settleRounds = 10
)

// Settle makes reserved tickets sold, or available again, as their orders have become final. It may be called any
// number of times, at once and in any process: each reservation leaves its state once. An order without a reservation
// is passed over, because a reservation is always there before anything can be said of its order.
func (s *Stock) Settle(ctx context.Context, e event.Settled) error {
	outcomes := make(map[string]event.Outcome, len(e.Orders))
	var bad error
	for _, o := range e.Orders {
		if o.Outcome != event.Paid && o.Outcome != event.Cancelled {
			bad = errors.Join(bad, fmt.Errorf("settle %s: unknown outcome %q", o.OrderID, o.Outcome))
		} else if _, known := outcomes[o.OrderID]; !known {
			outcomes[o.OrderID] = o.Outcome
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(outcomes)), settleChunk) {
		if err := s.settleIDs(ctx, ids, outcomes); err != nil {
			return err
		}
	}
	if bad != nil {
		return mq.Permanent(bad)
	}
	return nil
}

// settleIDs plans from a read and applies the plan under guards; when somebody else has settled one of the
// reservations in between, it starts again.
func (s *Stock) settleIDs(ctx context.Context, ids []string, outcomes map[string]event.Outcome) error {
	for range settleRounds {
		reservations, err := s.settleable(ctx, ids)
		if err != nil {
			return away("read reservations", err)
		}
		change := s.settlement(ids, reservations, outcomes)
		if change.empty() {
			return nil
		}
		err = s.db.InTx(ctx, func(tx *db.Tx) error { return change.apply(ctx, tx, s.now().UnixMilli()) })
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errConflict):
			return away("settle", err)
		}
	}
	return fmt.Errorf("%w: settle: lost %d rounds", ErrBusy, settleRounds)
}

// settleableReservation is a reservation with the limit that its buyer was held to.
type settleableReservation struct {
	OrderID      string           `db:"order_id"`
	ScreeningID  string           `db:"screening_id"`
	BuyerID      string           `db:"buyer_id"`
	Quantity     int64            `db:"quantity"`
	State        ReservationState `db:"state"`
	PerUserLimit int64            `db:"per_user_limit"`
}

func (s *Stock) settleable(ctx context.Context, ids []string) ([]settleableReservation, error) {
	var rows []settleableReservation
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT r.order_id, r.screening_id, r.buyer_id, r.quantity, r.state,
		s.per_user_limit FROM reservations r JOIN screenings s ON s.id = r.screening_id
		WHERE r.order_id IN `+among(len(ids)), anys(ids)...)
	return rows, err
}

// settlement is what one transaction moves out of reserved.
type settlement struct {
	orders   map[ReservationState][]string
	holdings map[holding]holdingChange
	tickets  map[string]map[ReservationState]int64 // by screening
}

func (c settlement) empty() bool { return len(c.orders) == 0 }

func (s *Stock) settlement(ids []string, rows []settleableReservation, outcomes map[string]event.Outcome) settlement {
	change := settlement{
		orders:   map[ReservationState][]string{},
		holdings: map[holding]holdingChange{},
		tickets:  map[string]map[ReservationState]int64{},
	}
	if len(rows) < len(ids) {
		s.log.Warn("settle orders that have no reservation", "orders", len(ids)-len(rows), "first", ids[0])
	}
	for _, r := range rows {
		next := Sold
		if outcomes[r.OrderID] == event.Cancelled {
			next = Released
		}
		switch r.State {
		case Held:
			change.add(r, next)
		case next:
		default:
			s.log.Error("an order was settled both ways", "order", r.OrderID, "was", r.State, "now", next)
		}
	}
	for _, ids := range change.orders {
		slices.Sort(ids)
	}
	return change
}

func (c settlement) add(r settleableReservation, next ReservationState) {
	c.orders[next] = append(c.orders[next], r.OrderID)
	if c.tickets[r.ScreeningID] == nil {
		c.tickets[r.ScreeningID] = map[ReservationState]int64{}
	}
	c.tickets[r.ScreeningID][next] += r.Quantity
	if next == Released && r.PerUserLimit > 0 {
		key := holding{r.ScreeningID, r.BuyerID}
		c.holdings[key] = holdingChange{holding: key, quantity: c.holdings[key].quantity + r.Quantity}
	}
}

// apply takes its locks in the order of reserveList: reservations, holdings, stock.
func (c settlement) apply(ctx context.Context, tx *db.Tx, now int64) error {
	for _, state := range []ReservationState{Sold, Released} {
		ids := c.orders[state]
		if len(ids) == 0 {
			continue
		}
		args := append([]any{state, now, Held}, anys(ids)...)
		if err := expectRows(len(ids))(tx.ExecContext(ctx, `UPDATE reservations SET state = ?, settled_at = ?,
			sweep_at = NULL WHERE state = ? AND order_id IN `+among(len(ids)), args...)); err != nil {
			return fmt.Errorf("settle reservations: %w", err)
		}
	}
	holdings := slices.SortedFunc(maps.Values(c.holdings), holdingChange.compare)
	if err := returnHoldings(ctx, tx, holdings); err != nil {
		return fmt.Errorf("return holdings: %w", err)
	}
	for _, id := range slices.SortedFunc(maps.Keys(c.tickets), strings.Compare) {
		sold, released := c.tickets[id][Sold], c.tickets[id][Released]
		if err := expectRows(1)(tx.ExecContext(ctx, `UPDATE stock SET reserved = reserved - ?, sold = sold + ?,
			available = available + ? WHERE screening_id = ?`, sold+released, sold, released, id)); err != nil {
			return fmt.Errorf("settle stock of %s: %w", id, err)
		}
	}
	return nil
}

func anys(ids []string) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}
