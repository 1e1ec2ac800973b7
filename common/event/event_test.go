package event_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"boxoffice/common/event"
)

// The files are the contract between processes of different versions: a field that changes its name loses orders in
// flight during an upgrade.
func TestWireForm(t *testing.T) {
	order := event.Order{
		ID: "0f3k", ScreeningID: "s1", BuyerID: "alice", Quantity: 2,
		Amount: event.Money{Amount: 9800, Currency: "CNY"}, CreatedAt: 1795000000000, ExpiresAt: 1795000900000,
	}
	revived := order
	revived.LatePayment = event.LateRevived
	for name, payload := range map[string]any{
		"stock-reserved": event.Reserved{Orders: []event.Order{order}},
		"stock-reserved-again": event.Reserved{
			Orders: []event.Order{}, Released: []event.Order{order}, Sold: []event.Order{order},
		},
		"stock-reserved-late": event.Reserved{
			Orders: []event.Order{}, Revived: []event.Order{revived}, Refused: []string{"1a2b"},
		},
		"tickets-wanted": event.Wanted{OrderIDs: []string{"0f3k", "1a2b"}},
		"payment-due":    event.Due{DueAt: 1795000900000, OrderIDs: []string{"0f3k", "1a2b"}},
		"payment-due-again": event.Due{
			DueAt: 1795000900000, OrderIDs: []string{"0f3k", "1a2b"}, Looks: []int{1, 0},
		},
		"order-settled": event.Settled{Orders: []event.SettledOrder{
			{OrderID: "0f3k", Outcome: event.Paid}, {OrderID: "1a2b", Outcome: event.Cancelled},
		}},
		"refund-sent": event.RefundsSent{Refunds: []event.SentRefund{{
			ID: "rf_7c", OrderID: "0f3k", Amount: event.Money{Amount: 4900, Currency: "CNY"}, SentAt: 1795000900000,
		}}},
		"order-settled-late": event.Settled{Orders: []event.SettledOrder{{OrderID: "0f3k", Outcome: event.Declined}}},
	} {
		t.Run(name, func(t *testing.T) {
			golden, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(reflect.TypeOf(payload))
			if err := json.Unmarshal(golden, got.Interface()); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Elem().Interface(), payload) {
				t.Errorf("decoded %+v, want %+v", got.Elem().Interface(), payload)
			}
			encoded, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			if string(encoded)+"\n" != string(golden) {
				t.Errorf("encoded %s, want %s", encoded, golden)
			}
		})
	}
}

// An order's last millisecond is the one before its deadline, for whoever cancels it, takes its payment or writes to its buyer.
func TestAnOrderIsDueFromItsDeadlineOn(t *testing.T) {
	o := event.Order{ExpiresAt: 1000}
	if o.IsDue(999) || !o.IsDue(1000) || !o.IsDue(1001) {
		t.Errorf("due at 999, 1000, 1001: %v, %v, %v", o.IsDue(999), o.IsDue(1000), o.IsDue(1001))
	}
}
