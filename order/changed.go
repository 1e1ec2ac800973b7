package order

import (
	"context"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Seen is what of an order can change for its buyer, as it was read before. Its deadline moves once, and Extended with it.
type Seen struct {
	ID       string
	State    State
	Extended bool

	LatePayment event.LatePayment // with which a cancelled order stays as it is, or may be revived
}

// Seen is what of the order can change for its buyer.
func (o Order) Seen() Seen { return Seen{o.ID, o.State, o.Extended, o.LatePayment} }

// FindChanged reads those of the orders that are not as they were seen. Of what stays as it was no row is read, so that
// many can be asked for again and again: the database finds their keys, and answers with the few that changed. An order
// that does not exist any more is absent, too.
func (o *Orders) FindChanged(ctx context.Context, seen []Seen) (map[string]Order, error) {
	type state struct {
		State
		extended bool
		late     event.LatePayment
	}
	ids := map[state][]string{}
	for _, s := range seen {
		as := state{s.State, s.Extended, s.LatePayment}
		ids[as] = append(ids[as], s.ID)
	}
	changed := map[string]Order{}
	for was, some := range ids {
		rows, err := db.SelectIn[orderRow](ctx, o.db.Reader(), `SELECT `+orderColumns+` FROM orders
			WHERE id IN (?) AND (state <> ? OR extended <> ? OR late_payment <> ?)`, some, string(was.State), was.extended,
			string(was.late))
		if err != nil {
			return nil, o.unavailable(fmt.Errorf("read changed orders: %w", err))
		}
		for _, r := range rows {
			changed[r.ID] = r.order()
		}
	}
	return changed, nil
}
