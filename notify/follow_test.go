package notify

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"boxoffice/common/event"
	"boxoffice/order"
)

// The life of an order as its buyer hears of it, each thing once by each channel, however often a message comes.
func TestBuyerIsToldOfEachThingOnce(t *testing.T) {
	f := newFixture(t)
	f.contact(aliceBoth)
	o := f.order("o-1", order.PendingPayment, "")
	for range 2 {
		f.reserve(o, o)
	}
	f.work()
	f.wantTold("o-1", "reserved mail sent, reserved sms sent")
	f.order("o-1", order.Paid, "")
	for range 2 {
		f.settle("o-1", "o-1")
		f.work()
	}
	f.wantTold("o-1", "paid mail sent, paid sms sent, reserved mail sent, reserved sms sent")
	f.order("o-1", order.Cancelled, order.CancelByOffice)
	part := event.SentRefund{ID: "rf_1", OrderID: "o-1", Amount: event.Money{Amount: 9800, Currency: "CNY"}}
	rest := event.SentRefund{ID: "rf_2", OrderID: "o-1", Amount: event.Money{Amount: 100, Currency: "CNY"}}
	for range 2 {
		f.settle("o-1")
		if err := f.Refund(t.Context(), event.RefundsSent{Refunds: []event.SentRefund{part, rest}}); err != nil {
			t.Fatal(err)
		}
		f.work()
	}
	const want = "[o-1-cancelled-mail-office o-1-paid-mail o-1-refunded-mail-rf_1 o-1-refunded-mail-rf_2 o-1-reserved-mail]"
	if got := f.mail.ids(); fmt.Sprint(got) != want {
		t.Errorf("mails: %s", got)
	}
	if n := len(f.sms.ids()); n != 5 {
		t.Errorf("%d text messages, want 5", n)
	}
}

// What is told is what is true when it is sent: messages come late and in any order.
func TestNobodyIsToldWhatIsNoLongerTrue(t *testing.T) {
	for name, c := range map[string]struct {
		play func(f *fixture, o event.Order)
		want string
	}{
		"reserved, sent after it was paid": {func(f *fixture, o event.Order) {
			f.reserve(o)
			f.order(o.ID, order.Paid, "")
		}, "reserved mail skipped"},
		"reserved, sent after its deadline": {func(f *fixture, o event.Order) {
			f.reserve(o)
			f.advance(3600e9)
		}, "reserved mail skipped"},
		"paid comes before reserved": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Paid, "")
			f.settle(o.ID)
			f.work()
			f.reserve(o)
		}, "paid mail sent, reserved mail skipped"},
		"paid comes when it is cancelled": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Cancelled, order.CancelByOffice)
			f.settle(o.ID)
		}, "cancelled mail sent"},
		"paid, sent after it was cancelled": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Paid, "")
			f.settle(o.ID)
			f.order(o.ID, order.Cancelled, order.CancelByOffice)
		}, "paid mail skipped"},
		"unpaid, paid late, and returned": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Cancelled, order.CancelUnpaid)
			f.settle(o.ID)
			f.work()
			f.order(o.ID, order.Paid, "")
			f.settle(o.ID)
			f.work()
			f.order(o.ID, order.Cancelled, order.CancelByOffice)
			f.settle(o.ID)
		}, "cancelled mail sent, cancelled mail sent, paid mail sent"},
		"unpaid, and paid late before it was told": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Cancelled, order.CancelUnpaid)
			f.settle(o.ID)
			f.order(o.ID, order.Paid, "")
			f.settle(o.ID)
		}, "cancelled mail skipped, paid mail sent"},
		"unpaid, and paid late and returned before it was told": {func(f *fixture, o event.Order) {
			f.order(o.ID, order.Cancelled, order.CancelUnpaid)
			f.settle(o.ID)
			f.order(o.ID, order.Cancelled, order.CancelByOffice)
			f.settle(o.ID)
		}, "cancelled mail sent, cancelled mail skipped"},
		"settled is heard while it is pending": {func(f *fixture, o event.Order) { f.settle(o.ID) }, ""},
		"an order that never comes": {func(f *fixture, o event.Order) {
			f.reserve(o)
			f.office.change(func() { delete(f.office.rows, o.ID) })
			f.work()
			f.wantTold(o.ID, "reserved mail due")
			f.advance(absentFor)
		}, "reserved mail skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.contact(alice)
			c.play(f, f.order("o-1", order.PendingPayment, ""))
			f.work()
			f.wantTold("o-1", c.want)
			if sent := strings.Count(c.want, "sent"); len(f.mail.ids()) != sent {
				t.Errorf("mails %s, want %d", f.mail.ids(), sent)
			}
		})
	}
}

// Whoever buys without a contact costs one read, of the contacts: no row is written, and no other service is asked.
func TestNothingIsWrittenForWhoHasNoContact(t *testing.T) {
	f := newFixture(t)
	var orders []event.Order
	for i := range 100 {
		o := f.order(fmt.Sprint("o-", i), order.PendingPayment, "")
		o.BuyerID = fmt.Sprint("nobody-", i)
		orders = append(orders, o)
	}
	f.reserve(orders...)
	f.settle("o-1")
	found, _, err := f.Find(t.Context(), Filter{Limit: 10})
	if err != nil || len(found) != 0 || f.office.reads != 1 { // of the order that was settled
		t.Errorf("notifications %+v, %v, after %d reads of orders", found, err, f.office.reads)
	}
}

// A contact that is set after the purchase is told of what can still be done: to pay an order, and to go to a screening.
func TestContactThatComesAfterTheOrderIsTold(t *testing.T) {
	f := newFixture(t)
	f.reserve(f.order("pending", order.PendingPayment, ""))
	f.order("paid", order.Paid, "")
	f.order("cancelled", order.Cancelled, order.CancelUnpaid)
	f.settle("paid", "cancelled")
	f.office.change(func() { f.office.err = order.ErrUnavailable })
	if err := f.SetContact(t.Context(), alice); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("set a contact without the order service: %v", err)
	}
	f.office.change(func() { f.office.err = nil })
	for range 2 {
		f.contact(alice)
		f.work()
	}
	f.wantTold("pending", "reserved mail sent")
	f.wantTold("paid", "paid mail sent")
	f.wantTold("cancelled", "")
	elsewhere := alice
	elsewhere.Email = "somebody.else@example.org"
	f.contact(elsewhere)
	f.work()
	if n := len(f.mail.ids()); n != 2 {
		t.Errorf("%d mails: another address had what was sent already", n)
	}
}

// In a rush orders are made later than they are bought: alice says where to be told while there is none of her order yet, and
// stock-reserved had been passed over, since it came before her contact. She heard nothing of an order that she was to pay.
func TestContactThatComesBeforeTheOrderIsTold(t *testing.T) {
	f := newFixture(t)
	reserved := f.order("o-1", order.PendingPayment, "")
	archived := f.order("archived", order.Paid, "")
	orders := map[string]order.Order{}
	f.office.change(func() {
		maps.Copy(orders, f.office.rows)
		clear(f.office.rows)
		f.office.early = []Purchase{{Order: reserved, Held: true}, {Order: archived}}
	})
	f.reserve(reserved)
	for range 2 {
		f.contact(alice)
		f.work()
	}
	f.wantTold("o-1", "reserved mail due")
	f.wantTold("archived", "") // it is not on its way: it was paid, and is in the archive
	f.office.change(func() { f.office.rows["o-1"] = orders["o-1"] })
	f.advance(firstPause)
	f.work()
	f.wantTold("o-1", "reserved mail sent")
	if n := len(f.mail.ids()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// Lists of hundreds of orders, told by several processes at once and again and again, are written once.
func TestListsAreWrittenOnceByManyProcesses(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	var orders []event.Order
	for i := range 600 { // more than one statement
		orders = append(orders, f.order(fmt.Sprintf("o-%03d", i), order.PendingPayment, ""))
	}
	var wait sync.WaitGroup
	for range 3 {
		p := f.process()
		for range 2 {
			wait.Go(func() {
				if err := p.Reserve(t.Context(), event.Reserved{Orders: orders}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	counts, err := f.Count(t.Context())
	if err != nil || counts[ChannelMail].Due != 600 || !counts[ChannelMail].OldestDue.Equal(f.now()) {
		t.Errorf("counts %+v, %v", counts, err)
	}
}

// A message that this office has not made cannot hold up those that it lists beside others: what no column takes is passed over.
func TestWhatCannotBeStoredIsPassedOver(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	good := f.order("good", order.PendingPayment, "")
	long, nobody, broken := good, good, good
	long.ID, nobody.BuyerID, broken.ID = strings.Repeat("x", 65), "", "\xff"
	f.reserve(long, nobody, good, broken)
	f.work()
	f.wantTold("good", "reserved mail sent")
	if err := f.Refund(t.Context(), event.RefundsSent{Refunds: []event.SentRefund{
		{ID: strings.Repeat("x", 65), OrderID: "good", Amount: event.Money{Amount: 1, Currency: "CNY"}},
		{ID: "rf", OrderID: "good", Amount: event.Money{Amount: 1, Currency: "yuan, or so"}},
		{ID: "rf", OrderID: "nobody's", Amount: event.Money{Amount: 1, Currency: "CNY"}},
		{ID: "rf", OrderID: "good", Amount: event.Money{Amount: 1, Currency: "CNY"}},
	}}); err != nil {
		t.Fatal(err)
	}
	f.work()
	f.wantTold("good", "refunded mail sent, reserved mail sent")
}
