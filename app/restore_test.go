//go:build !race

package app

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// The order database came back from a backup that was older than alice's cancel. Her tickets were sold to others by then,
// and her late payment was parked. By each of these roads an order was made of her released reservation, and the payment
// paid it: capacity 2, four tickets paid. Only those who hold the tickets stay paid, and her money goes back.
func TestRestoredOrderDatabaseSellsNoTicketTwice(t *testing.T) {
	for name, road := range map[string]func(o *officeTest, lost event.Order){
		"doctor": func(o *officeTest, lost event.Order) {
			o.wantTroubles(2*time.Minute, "reservation_without_order "+lost.ID, "parked_payment late")
			if _, err := o.doctor(2*time.Minute, "-fix"); err != nil {
				o.t.Errorf("fix: %v", err)
			}
		},
		"cancel, then doctor": func(o *officeTest, lost event.Order) {
			o.must("POST", "/v1/orders/"+lost.ID+"/cancel", bearer(o.t, lost.BuyerID, "buyer"), "")
			if _, err := o.doctor(2*time.Minute, "-fix"); err != nil {
				o.t.Errorf("fix: %v", err)
			}
		},
		"old message": func(o *officeTest, lost event.Order) {
			o.publish(event.Reserved{Orders: []event.Order{lost}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			screening := o.addScreening(2, 0)
			cancelled := o.mustBuy("alice", screening, 2)
			o.eventuallyStatus("alice", cancelled.ID, "pending_payment")
			lost := o.reserved(cancelled.ID)
			o.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(t, "alice", "buyer"), "")
			o.eventuallyCounters(screening, 2, 0, 0)
			var paid orderJSON
			o.eventually("bob buys what came back", func() bool {
				r := o.buy("bob", screening, "key-of-bob", 2)
				if r.status == http.StatusAccepted {
					paid = decode[orderJSON](t, r)
				}
				return paid.ID != ""
			})
			o.eventuallyStatus("bob", paid.ID, "pending_payment")
			o.callback("pay", paid.ID, 2)
			o.eventuallyCounters(screening, 0, 0, 2)

			o.write(o.orderDSN, `DELETE FROM orders WHERE id = ?`, cancelled.ID)
			if result := o.callback("late", cancelled.ID, 2); result != "parked" {
				t.Fatalf("payment: %s, want parked", result)
			}
			road(o, lost)
			o.eventually("the late payment goes back", func() bool { return o.refundsDue(cancelled.ID) == 1 })
			o.eventuallyStatus("alice", cancelled.ID, "cancelled")
			o.eventuallyStatus("bob", paid.ID, "paid")
			o.eventuallyCounters(screening, 0, 0, 2)
			if n := o.paidTickets(screening); n != 2 {
				t.Errorf("%d tickets are paid, want the 2 that there are", n)
			}
			o.wantHealthy(2 * time.Minute)
		})
	}
}

// The backup was older than the order of sold tickets, and than its payment, which the provider delivers again. It stayed
// parked for good, and the buyer had no order.
func TestRestoredOrderDatabaseGivesSoldTicketsTheirOrderBack(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(2, 0)
	bought := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", bought.ID, "pending_payment")
	o.callback("pay", bought.ID, 2)
	o.eventuallyCounters(screening, 0, 0, 2)
	o.write(o.orderDSN, `DELETE FROM orders WHERE id = ?`, bought.ID)
	o.write(o.orderDSN, `DELETE FROM payments WHERE id = 'pay'`)
	o.wantTroubles(2*time.Minute, "contradiction "+bought.ID, "ledger_and_stock CNY")
	if result := o.callback("pay", bought.ID, 2); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	o.wantTroubles(2*time.Minute, "contradiction "+bought.ID, "parked_payment pay", "ledger_and_stock CNY")
	_, _ = o.doctor(2*time.Minute, "-fix") // it fails for the contradiction that it found
	o.eventually("the order is back, paid", func() bool { return o.paidTickets(screening) == 2 })
	if n := o.refundsDue(bought.ID); n != 0 {
		t.Errorf("%d refunds are due, want none", n)
	}
	o.wantHealthy(2 * time.Minute)
}

// reserved is an order as stock once published it.
func (o *officeTest) reserved(id string) event.Order {
	o.t.Helper()
	var row struct {
		BuyerID     string `db:"buyer_id"`
		ScreeningID string `db:"screening_id"`
		Quantity    int64  `db:"quantity"`
		Amount      int64  `db:"amount"`
		Currency    string `db:"currency"`
		CreatedAt   int64  `db:"created_at"`
		ExpiresAt   int64  `db:"expires_at"`
	}
	o.read(o.stockDSN, &row, `SELECT buyer_id, screening_id, quantity, amount, currency, created_at, expires_at
		FROM reservations WHERE order_id = ?`, id)
	return event.Order{
		ID: id, ScreeningID: row.ScreeningID, BuyerID: row.BuyerID, Quantity: row.Quantity,
		Amount: event.Money{Amount: row.Amount, Currency: row.Currency}, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
	}
}

// publish delivers a message as stock publishes it.
func (o *officeTest) publish(reserved event.Reserved) {
	o.t.Helper()
	bus, err := mq.Open(o.t.Context(), mq.Config{
		NameServers: []string{o.queue.Addr()}, Process: "test", Prefix: o.prefix, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = bus.Close() }()
	sender, err := bus.NewSender(o.t.Context(), event.GroupStock)
	if err != nil {
		o.t.Fatal(err)
	}
	defer sender.Close()
	if err := mq.Send(o.t.Context(), sender, event.StockReserved, "again", reserved); err != nil {
		o.t.Fatal(err)
	}
}

// paidTickets adds up what the order service has sold of a screening.
func (o *officeTest) paidTickets(screening string) (n int64) {
	o.t.Helper()
	o.read(o.orderDSN, &n, `SELECT COALESCE(SUM(quantity), 0) FROM orders WHERE screening_id = ? AND state = 'PAID'`, screening)
	return n
}
