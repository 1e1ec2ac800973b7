package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/common/sentence"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/stock"
)

// The operators' calls that find orders and explain them.

// foundAnswer is an order in short, as operators see it.
type foundAnswer struct {
	ID           string                  `json:"id"`
	ScreeningID  string                  `json:"screening_id"`
	BuyerID      string                  `json:"buyer_id"`
	Quantity     int64                   `json:"quantity"`
	Amount       event.Money             `json:"amount"`
	Status       inquiry.Status          `json:"status"`
	CancelReason *order.CancelReason     `json:"cancel_reason"` // null unless cancelled
	Tickets      *stock.ReservationState `json:"tickets"`       // null when nothing is reserved for it
	CreatedAt    string                  `json:"created_at"`
	ExpiresAt    string                  `json:"expires_at"`
	SettledAt    *string                 `json:"settled_at"` // null until it is paid or cancelled
}

func newFoundAnswer(f inquiry.Found) foundAnswer {
	return foundAnswer{
		ID: f.ID, ScreeningID: f.ScreeningID, BuyerID: f.BuyerID, Quantity: f.Quantity, Amount: f.Amount,
		Status: f.Status, CancelReason: nullIfEmpty(f.CancelReason), Tickets: nullIfEmpty(f.Tickets),
		CreatedAt: formatMilliseconds(f.CreatedAt), ExpiresAt: formatMilliseconds(f.ExpiresAt), SettledAt: nullIfZero(f.SettledAt),
	}
}

// listAllOrders answers one page of all buyers' orders, the newest first.
func (h *handler) listAllOrders(c echo.Context, _ string) error {
	cursor, limit, err := listOfAllOrders.pageQuery(c)
	if err != nil {
		return err
	}
	filter, err := orderFilter(c)
	if err != nil {
		return err
	}
	found, next, err := h.Operators.Desk.Search(traced(c), filter, cursor, pageLimit(limit))
	if err != nil {
		return listError(err)
	}
	page := listAnswer[foundAnswer]{Items: make([]foundAnswer, len(found)), NextCursor: listOfAllOrders.cursor(next)}
	for i, f := range found {
		page.Items[i] = newFoundAnswer(f)
	}
	return answer(c, http.StatusOK, page)
}

// dossierAnswer is all that is known of one order.
type dossierAnswer struct {
	ID          string               `json:"id"`
	Order       *foundAnswer         `json:"order"`       // null when there is only money for it
	Reservation *reservationAnswer   `json:"reservation"` // null when nothing is reserved for it
	Record      *recordAnswer        `json:"record"`      // null until the order service has created the order
	Attempts    []attemptInfoAnswer  `json:"attempts"`
	Payments    []receivedAnswer     `json:"payments"`
	Refunds     []refundAnswer       `json:"refunds"`
	Acts        []recordedActAnswer  `json:"acts"`
	Told        []notificationAnswer `json:"notifications"` // by mail and SMS
	MailAway    bool                 `json:"mail_away"`     // what the buyer was told could not be read
	TicketsAway bool                 `json:"tickets_away"`  // what happened to the tickets could not be read, for the timeline
	ArchiveFile *string              `json:"archive_file"`  // null when the order is in the databases
	ServerTime  string               `json:"server_time"`
}

// reservationAnswer is what stock has of an order.
type reservationAnswer struct {
	State     stock.ReservationState `json:"state"`
	RequestID string                 `json:"request_id"`
	ExpiresAt string                 `json:"expires_at"`
	SweepAt   *string                `json:"sweep_at"` // when the sweeper looks at it next; null once it is settled
	SettledAt *string                `json:"settled_at"`
}

// recordAnswer is what the order service has of an order.
type recordAnswer struct {
	State      inquiry.Status `json:"state"`
	RecordedAt *string        `json:"recorded_at"` // null for an order of an earlier version
	ExpiresAt  string         `json:"expires_at"`
	Extended   bool           `json:"extended"`
	AskUntil   *string        `json:"ask_until"` // until then its payment provider is asked before it is cancelled
	SettledAt  *string        `json:"settled_at"`
}

// attemptInfoAnswer is a try to pay as operators see it.
type attemptInfoAnswer struct {
	ID        string      `json:"id"`
	Provider  string      `json:"provider"`
	Amount    event.Money `json:"amount"`
	State     string      `json:"state"`
	Reference *string     `json:"reference"`
	Tries     int         `json:"tries"`
	ExpiresAt string      `json:"expires_at"`
	CreatedAt string      `json:"created_at"`
	ChangedAt string      `json:"changed_at"`
}

// receivedAnswer is money that came for an order.
type receivedAnswer struct {
	PaymentID  string      `json:"payment_id"`
	Provider   string      `json:"provider"`
	Amount     event.Money `json:"amount"`
	Result     string      `json:"result"`
	Refunded   int64       `json:"refunded"`
	Delivery   *string     `json:"delivery"` // of the callback or the answer that told of it
	ReceivedAt string      `json:"received_at"`
}

// resultReused is the result of a payment that came with the id of another one.
const resultReused = "id_reused"

// getAnyOrder answers all that is known of one order.
func (h *handler) getAnyOrder(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	dossier, err := h.Operators.Desk.Dossier(traced(c), id)
	if err != nil {
		return err
	}
	all := dossierAnswer{
		ID: dossier.OrderID, Attempts: []attemptInfoAnswer{}, Payments: []receivedAnswer{}, Refunds: []refundAnswer{},
		Acts: []recordedActAnswer{}, Told: newNotificationAnswers(dossier.Notifications),
		MailAway: dossier.MailAway, TicketsAway: dossier.TicketsAway, ArchiveFile: nullIfEmpty(dossier.File), ServerTime: formatTime(h.Now()),
	}
	if dossier.Reservation != nil || dossier.Order != nil {
		found := newFoundAnswer(dossier.Found())
		all.Order = &found
	}
	if r := dossier.Reservation; r != nil {
		all.Reservation = &reservationAnswer{
			State: r.State, RequestID: r.RequestID, ExpiresAt: formatMilliseconds(r.ExpiresAt),
			SweepAt: nullIfZero(r.SweepAt), SettledAt: nullIfZero(r.SettledAt),
		}
	}
	if o := dossier.Order; o != nil {
		all.Record = &recordAnswer{
			State: inquiry.StatusOf(o.State), RecordedAt: nullIfZero(o.RecordedAt), ExpiresAt: formatMilliseconds(o.ExpiresAt),
			Extended: o.Extended, SettledAt: nullIfZero(o.SettledAt),
		}
		if o.AskUntil > 0 {
			all.Record.AskUntil = nullIfZero(time.UnixMilli(o.AskUntil))
		}
	}
	all.addMoney(dossier)
	return answer(c, http.StatusOK, all)
}

// addMoney adds attempts, payments and refunds, and what operators did.
func (a *dossierAnswer) addMoney(d inquiry.Dossier) {
	for _, try := range d.Attempts {
		a.Attempts = append(a.Attempts, attemptInfoAnswer{
			ID: try.ID, Provider: try.Provider, Amount: try.Amount, State: try.State, Reference: nullIfEmpty(try.Reference), Tries: try.Tries,
			ExpiresAt: formatTime(try.ExpiresAt), CreatedAt: formatTime(try.CreatedAt), ChangedAt: formatTime(try.ChangedAt),
		})
	}
	for _, p := range d.Payments {
		a.Payments = append(a.Payments, receivedAnswer{
			PaymentID: p.ID, Provider: p.Provider, Amount: p.Amount, Result: string(p.Result), Refunded: p.Refunded,
			Delivery: nullIfEmpty(p.WebhookID), ReceivedAt: formatTime(p.ReceivedAt),
		})
	}
	for _, reused := range d.Reused {
		a.Payments = append(a.Payments, receivedAnswer{
			PaymentID: reused.PaymentID, Amount: reused.Amount, Result: resultReused, ReceivedAt: formatTime(reused.Since),
		})
	}
	for _, refund := range d.Refunds {
		a.Refunds = append(a.Refunds, newRefundAnswer(refund))
	}
	for _, act := range d.Acts {
		a.Acts = append(a.Acts, newRecordedActAnswer(act))
	}
}

// timelineAnswer is what happened to one order, the first first.
type timelineAnswer struct {
	ID         string        `json:"id"`
	Entries    []entryAnswer `json:"entries"`
	Message    string        `json:"message"` // of the purchase: found, gone or queue_away
	ServerTime string        `json:"server_time"`
}

type entryAnswer struct {
	At      string  `json:"at"`
	What    string  `json:"what"`
	Detail  string  `json:"detail"`
	Source  string  `json:"source"`
	Process *string `json:"process"` // that did it; null where that is not known
	Planned bool    `json:"planned"` // it is still to come

	Said []sentence.Sentence `json:"said"` // detail by codes
}

// getTimeline answers what happened to one order.
func (h *handler) getTimeline(c echo.Context, _ string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	now := h.Now()
	history, err := h.Operators.Desk.History(traced(c), id, now)
	if err != nil {
		return err
	}
	timeline := timelineAnswer{ID: id, Entries: []entryAnswer{}, Message: string(history.Message), ServerTime: formatTime(now)}
	for _, e := range history.Entries {
		timeline.Entries = append(timeline.Entries, entryAnswer{
			formatTime(e.At), e.What, e.Detail, string(e.Source), nullIfEmpty(e.Process), e.Planned, said(e.Said),
		})
	}
	return answer(c, http.StatusOK, timeline)
}
