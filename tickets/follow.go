package tickets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/order"
)

// SettleTimeout bounds the handling of one order-settled: what each of its orders has become, and its tickets.
const SettleTimeout = 20 * time.Second

const (
	followChunk  = 200 // orders in one transaction; each has at most a hundred tickets
	followRounds = 20

	followTimeout = time.Second // for somebody who waits
)

// Settle handles order-settled: paid orders get their tickets, and those of returned orders become void. A message only
// says where to look: what is done is decided by the order's row, so messages may come twice, late or in any order.
func (t *Tickets) Settle(ctx context.Context, settled event.Settled) error {
	ids := make([]string, len(settled.Orders))
	for i, o := range settled.Orders {
		ids[i] = o.OrderID
	}
	return t.follow(ctx, ids...)
}

// follow brings the tickets of orders to where their orders stand. An order that is not there has been archived, or is lost:
// its tickets stay as they are.
func (t *Tickets) follow(ctx context.Context, ids ...string) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for chunk := range slices.Chunk(ids, followChunk) {
		if err := t.followChunk(ctx, chunk); err != nil {
			return fmt.Errorf("make tickets of orders: %w", err)
		}
	}
	return nil
}

// followSoon follows the order of somebody who waits, for whom what is known will do if the order service is away.
func (t *Tickets) followSoon(ctx context.Context, orderID string) error {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	err := t.follow(ctx, orderID)
	if err != nil {
		t.Log.DebugContext(ctx, "go by what is known of tickets: their order cannot be asked", "order_id", orderID, "error", err)
	}
	return err
}

// followChunk reads, plans and writes, and starts again when another one was faster. The row of an order in ticket_orders
// decides between those who make its tickets and those who void them: the second one finds the row, and looks at the order
// again.
func (t *Tickets) followChunk(ctx context.Context, ids []string) error {
	err := t.db.Again(followRounds, func() error {
		states, err := readStates(ctx, t.db, ids) // before the orders: a cancelled order can become paid, and get tickets meanwhile
		if err != nil {
			return t.unavailable(err)
		}
		orders, err := t.Orders.Find(ctx, ids...)
		if err != nil {
			return err
		}
		change := plan(ids, orders, states)
		if change.empty() {
			return nil
		}
		err = t.db.InTx(ctx, func(tx *db.Tx) error {
			err := change.apply(ctx, tx, t.now())
			failpoint.Hit("tickets.before-commit")
			return err
		})
		failpoint.Hit("tickets.issued")
		return t.unavailable(err)
	})
	if errors.Is(err, db.ErrOvertaken) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// change is what one transaction writes.
type change struct {
	recorded []knownOrder // orders of which nothing was known
	made     []Ticket
	voided   []string // orders whose tickets become void
}

func (c *change) empty() bool { return len(c.recorded) == 0 && len(c.voided) == 0 }

// plan says what is to be done, in the order of the ids, so that two processes lock rows in the same one. An order that was
// never paid has no tickets and needs no row: most that are cancelled are such, and one may be paid late. One that was paid
// and is not any more is recorded as void even if it has no tickets yet, which stops whoever is about to make them.
func plan(ids []string, orders map[string]order.Order, states map[string]orderState) *change {
	c := &change{}
	for _, id := range ids {
		o, exists := orders[id]
		state, known := states[id]
		switch {
		case !exists, state == orderVoid:
		case o.State == order.Paid && !known:
			c.recorded = append(c.recorded, knownOrder{id, o.ScreeningID, orderIssued})
			c.made = append(c.made, ticketsOf(o)...)
		case wasReturned(o) && !known:
			c.recorded = append(c.recorded, knownOrder{id, o.ScreeningID, orderVoid})
		case o.State == order.Cancelled && known:
			c.voided = append(c.voided, id)
		}
	}
	return c
}

// wasReturned tells whether an order was cancelled after it was paid, or may have been.
func wasReturned(o order.Order) bool {
	return o.State == order.Cancelled && (o.CancelReason == order.CancelByOffice || o.CancelReason == order.CancelReleased)
}

func ticketsOf(o order.Order) []Ticket {
	made := make([]Ticket, o.Quantity)
	for i := range made {
		made[i] = Ticket{
			ID: ticketID(o.ID, i+1), OrderID: o.ID, ScreeningID: o.ScreeningID, Number: i + 1, Of: len(made), State: Valid,
		}
	}
	return made
}

func (c *change) apply(ctx context.Context, tx *db.Tx, by doer) error {
	if len(c.recorded) > 0 {
		if err := c.record(ctx, tx, by); err != nil {
			return err
		}
	}
	if len(c.voided) > 0 {
		return voidOrders(ctx, tx, c.voided, by)
	}
	return nil
}

// record makes the tickets of orders of which nothing was known. One that is back from the archive has tickets that were
// used: its row, which is written first, waits for whoever has just deleted them.
func (c *change) record(ctx context.Context, tx *db.Tx, by doer) error {
	if err := insertOrders(ctx, tx, c.recorded, by); err != nil {
		return err
	}
	used, err := takeEntries(ctx, tx, c.recorded)
	if err != nil {
		return err
	}
	made := slices.DeleteFunc(slices.Clone(c.made), func(t Ticket) bool {
		return slices.ContainsFunc(used, func(r ticketRow) bool { return r.OrderID == t.OrderID && r.Number == t.Number })
	})
	if len(made) > 0 {
		if err := insertTickets(ctx, tx, made); err != nil {
			return err
		}
	}
	return insertUsed(ctx, tx, used, c.recorded)
}
