package stock

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"boxoffice/common/event"
)

// After a restore of the order database the doctor published reservations whatever their state. From a released one the
// order service made an order, and a late payment that was parked for it paid for tickets which were somebody else's by
// then: capacity 2, four paid. Only a held one is published as one that makes an order.
func TestPublishSaysHowEachReservationStands(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.Stock, 10, 0)
	held := buy(t, o.Stock, screening.ID, "alice", "k", 1)
	released := buy(t, o.Stock, screening.ID, "bob", "k", 1)
	sold := buy(t, o.Stock, screening.ID, "carol", "k", 1)
	settle(t, o.Stock, event.Cancelled, released.ID)
	settle(t, o.Stock, event.Paid, sold.ID)
	ids := []string{released.ID, held.ID, sold.ID}
	published, err := o.publisher.Publish(t.Context(), append(ids, "absent"))
	if err != nil || !slices.Equal(published, ids) {
		t.Errorf("published %v, %v, want %v", published, err, ids)
	}
	o.wantPublished(t, event.Reserved{
		Orders: []event.Order{held.Order}, Released: []event.Order{released.Order}, Sold: []event.Order{sold.Order},
	})
}

// An old message, delivered again after a restore, made a new order of a reservation that had been released, and it was
// paid. Stock only logged that, and two buyers had paid for one seat.
func TestPaidOrderOfReleasedTicketsIsPublishedAsReleased(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.Stock, 10, 0)
	gone := buy(t, o.Stock, screening.ID, "alice", "k", 1)
	kept := buy(t, o.Stock, screening.ID, "bob", "k", 1)
	settle(t, o.Stock, event.Cancelled, gone.ID)
	for range 2 {
		if err := o.publisher.HandleSettled(t.Context(), event.Settled{Orders: []event.SettledOrder{
			{OrderID: gone.ID, Outcome: event.Paid}, {OrderID: kept.ID, Outcome: event.Paid},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	wantStock(t, o.Stock, screening.ID, 9, 0, 1)
	released := event.Reserved{Released: []event.Order{gone.Order}}
	o.wantPublished(t, released, released)
}

// published are the messages so far, on the embedded broker.
func (o *office) published(t *testing.T) (messages []event.Reserved) {
	t.Helper()
	for _, m := range o.broker.Messages(string(event.StockReserved)) {
		var reserved event.Reserved
		if err := json.Unmarshal(m.Body, &reserved); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, reserved)
	}
	return messages
}

func (o *office) wantPublished(t *testing.T, want ...event.Reserved) {
	t.Helper()
	if o.broker == nil {
		return
	}
	if got := o.published(t); !reflect.DeepEqual(got, want) {
		t.Errorf("messages %+v, want %+v", got, want)
	}
}
