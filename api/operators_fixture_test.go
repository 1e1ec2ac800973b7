package api

import (
	"context"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/sentence"
	"boxoffice/doctor"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/presence"
	"boxoffice/stock"
)

// fakeDesk has one order; a test replaces the function it is about.
type fakeDesk struct {
	filter  inquiry.Filter // of the last search or export
	period  inquiry.Period
	search  func(cursor string, limit int) ([]inquiry.Found, string, error)
	dossier func(id string) (inquiry.Dossier, error)
	history func(id string) (inquiry.History, error)
	export  func(ctx context.Context, page func([]inquiry.Row) error) error
}

func (f *fakeDesk) Search(_ context.Context, filter inquiry.Filter, cursor string, limit int) ([]inquiry.Found, string, error) {
	f.filter = filter
	return f.search(cursor, limit)
}

func (f *fakeDesk) Dossier(_ context.Context, id string) (inquiry.Dossier, error) {
	return f.dossier(id)
}

func (f *fakeDesk) History(_ context.Context, id string, _ time.Time) (inquiry.History, error) {
	return f.history(id)
}

func (f *fakeDesk) Export(ctx context.Context, filter inquiry.Filter, period inquiry.Period, page func([]inquiry.Row) error) error {
	f.filter, f.period = filter, period
	return f.export(ctx, page)
}

func testFound() inquiry.Found {
	return inquiry.Found{Order: testOrder(), Status: inquiry.Paid, Tickets: stock.Sold, SettledAt: testNow()}
}

func testRow() inquiry.Row {
	return inquiry.Row{Found: testFound(), MoneyOf: order.MoneyOf{Received: 9800, PaidBy: "pay_1", Provider: "webhook"}}
}

// testDossier has something of everything.
func testDossier() inquiry.Dossier {
	reservation := stock.Details{Reservation: stock.Reservation{Order: testOrder(), State: stock.Sold}, RequestID: "r", SettledAt: testNow()}
	row := order.Details{Order: order.Order{Order: testOrder(), State: order.Paid}, RecordedAt: testNow(), SettledAt: testNow()}
	paid := order.Payment{ID: "pay_1", Provider: "webhook", OrderID: orderID, Amount: testOrder().Amount, WebhookID: "msg_1"}
	return inquiry.Dossier{
		OrderID: orderID, Reservation: &reservation, Order: &row,
		Attempts: []payment.AttemptInfo{{ID: "pa_1", OrderID: orderID, Provider: "webhook", Amount: testOrder().Amount, State: "paid", Tries: 1}},
		Payments: []order.Received{{Payment: paid, Result: order.Applied, ReceivedAt: testNow()}},
		Reused:   []order.Claim{{PaymentID: "pay_9", OrderID: orderID, Amount: testOrder().Amount, Since: testNow()}},
		Refunds:  []payment.RefundInfo{testRefund()},
		Acts:     []audit.Recorded{{Act: audit.Act{Actor: "me", Note: "why"}, At: testNow(), What: "cancel", Subject: orderID}},
	}
}

func newDesk() *fakeDesk {
	return &fakeDesk{
		search: func(string, int) ([]inquiry.Found, string, error) { return []inquiry.Found{testFound()}, "next", nil },
		dossier: func(id string) (inquiry.Dossier, error) {
			if id != orderID {
				return inquiry.Dossier{}, inquiry.ErrOrderAbsent
			}
			return testDossier(), nil
		},
		history: func(id string) (inquiry.History, error) {
			return inquiry.History{OrderID: id, Message: inquiry.MessageFound, Entries: []inquiry.Entry{
				{At: testNow(), What: inquiry.HalfMessageSent, Detail: "transaction t", Source: inquiry.FromMessage, Process: "10.0.0.1, pid 7",
					Said: []sentence.Sentence{sentence.New("transaction", "transaction {id}", "id", "t")}},
				{At: testNow(), What: inquiry.PaymentDue, Detail: "unpaid", Source: inquiry.FromOrder, Planned: true},
			}}, nil
		},
		export: func(_ context.Context, page func([]inquiry.Row) error) error { return page([]inquiry.Row{testRow()}) },
	}
}

// fakeDoctor finds one trouble; fix is what the last call was asked to mend, and by whom.
type fakeDoctor struct {
	report *doctor.Report
	err    error
	which  doctor.Selection
	act    audit.Act
	mended doctor.Mended
}

func newDoctor() *fakeDoctor {
	return &fakeDoctor{
		report: &doctor.Report{
			At: testNow(), Counts: map[doctor.Kind]int{doctor.MissingOrder: 1},
			Troubles: []doctor.Trouble{{
				Kind: doctor.MissingOrder, ID: orderID, Detail: "no order", Remedy: "publish it again",
				Said:       []sentence.Sentence{sentence.New("reserved_without_order", "no order", "age", time.Minute)},
				RemedySaid: sentence.New("publish_again", "x"),
			}},
			Notes: []doctor.Note{{Kind: "refund_due", PaymentID: "pay_1", OrderID: orderID, Amount: 1, Currency: "CNY", Since: testNow()}},
		},
		mended: doctor.Mended{Done: []string{"published"}},
	}
}

func (f *fakeDoctor) Findings(context.Context) (*doctor.Report, error) { return f.report, f.err }

func (f *fakeDoctor) Fix(_ context.Context, which doctor.Selection, act audit.Act) (doctor.Mended, error) {
	f.which, f.act = which, act
	return f.mended, f.err
}

func (f *fakeDoctor) DeadLetters(context.Context, int) ([]doctor.DeadGroup, error) {
	return []doctor.DeadGroup{
		{Kind: doctor.DeadLetter, Group: "boxoffice-order-create", Count: 2, Messages: []doctor.DeadMessage{
			{MessageID: "m1", Topic: "stock-reserved", Key: "k", StoredAt: testNow(), OrderIDs: []string{orderID}},
			{MessageID: "m2", Topic: "stock-reserved", StoredAt: testNow(), Problem: "not JSON"},
		}},
		{Kind: doctor.ExhaustedHalf},
	}, f.err
}

func (f *fakeDoctor) ResendDead(_ context.Context, act audit.Act) (doctor.Mended, error) {
	f.act = act
	return f.mended, f.err
}

func (f *fakeDoctor) Queues(context.Context) (doctor.Queues, error) {
	return doctor.Queues{
		Topics: []doctor.TopicDepth{{Topic: "stock-reserved", Stored: 7}},
		Groups: []doctor.GroupDepth{
			{Group: "boxoffice-order-create", Topic: "stock-reserved", Lag: 1, Consumers: []string{"10.0.0.1@x"}}, {Group: "g"},
		},
	}, f.err
}

type fakeProcesses struct{ err error }

func (f fakeProcesses) Alive(context.Context) ([]presence.Process, error) {
	return []presence.Process{{
		ID: "p1", Host: "box-1", PID: 7, Roles: "api,stock,order", Version: "boxoffice v1", StartedAt: testNow(), SeenAt: testNow(), Ahead: -3e6,
	}}, f.err
}
