package backup

import (
	"log/slog"
	"path/filepath"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/tickets"
)

// A paid order was cancelled forty seconds before a backup. Its tickets were available again, and the message by which they become
// void was on its way: the restored office has an empty queue, nobody sent it again, and both tickets stayed valid, of an order
// whose money was back. An order that had just been paid got none, likewise.
func TestRestoreBringsTicketsToWhereTheirOrdersStand(t *testing.T) {
	ctx := t.Context()
	o := newOffice(t)
	schema, err := sql.Tickets()
	if err != nil {
		t.Fatal(err)
	}
	o.Tickets = dbtest.Open(t, "sqlite:"+filepath.Join(o.DataDir, TicketsFile), schema)
	settledAt := now().UnixMilli() - 40_000
	dbtest.Insert(t, o.Orders, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at)`,
		"returned", "s", "alice", 2, 4900, "CNY", "PAID", 1, 2, settledAt)
	service := tickets.New(o.Tickets, tickets.Options{Orders: order.RestoredOrders{DB: o.Orders}, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err := service.Settle(ctx, event.Settled{Orders: []event.SettledOrder{{OrderID: "returned"}}}); err != nil {
		t.Fatal(err)
	}
	if err := o.Orders.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE orders SET state = 'CANCELLED', cancel_reason = 'office' WHERE id = 'returned'`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	dbtest.Insert(t, o.Orders, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at)`,
		"paid", "s", "bob", 3, 4900, "CNY", "PAID", 1, 2, settledAt)
	copied, target := o.DataDir+"-copy", o.DataDir+"-restored"
	mustTake(t, o, copied)
	if _, err := Restore(ctx, copied, target, now); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(target, TicketsFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for id, want := range map[string]int{"returned": 0, "paid": 3} {
		var valid int
		if err := d.Reader().GetContext(ctx, &valid, `SELECT COUNT(*) FROM tickets WHERE order_id = ? AND state = 'valid'`, id); err != nil {
			t.Fatal(err)
		}
		if valid != want {
			t.Errorf("order %s has %d valid tickets, want %d", id, valid, want)
		}
	}
}
