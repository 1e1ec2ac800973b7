package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/common/keyset"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
)

// The operators' calls on money. Each act has a note, and is recorded with who did it and when.

const refundIDMax = 64

// listRefunds answers one page of the refunds in the states that are asked for; without any, of those that are open.
func (h *handler) listRefunds(c echo.Context, _ string) error {
	cursor, limit, err := listOfRefunds.pageQuery(c)
	if err != nil {
		return err
	}
	states := slices.Compact(slices.Sorted(slices.Values(c.QueryParams()["state"])))
	if len(states) == 0 {
		states = payment.OpenRefundStates()
	}
	for _, state := range states {
		if !slices.Contains(payment.RefundStates(), state) {
			return problemError{kind: malformed, detail: "state must be one of " + strings.Join(payment.RefundStates(), ", ") + "."}
		}
	}
	items, next, err := h.Payments.Refunds(traced(c), states, cursor, pageLimit(limit))
	if err != nil {
		return err
	}
	page := listAnswer[refundAnswer]{Items: make([]refundAnswer, len(items)), NextCursor: listOfRefunds.cursor(next)}
	for i, item := range items {
		page.Items[i] = newRefundAnswer(item)
	}
	return answer(c, http.StatusOK, page)
}

// retryRefund has a refund sent again.
func (h *handler) retryRefund(c echo.Context, caller string) error {
	return h.changeRefund(c, caller, h.Payments.Retry)
}

// settleRefund records that the money of a refund was sent back by other means.
func (h *handler) settleRefund(c echo.Context, caller string) error {
	return h.changeRefund(c, caller, h.Payments.SettleByHand)
}

func (h *handler) changeRefund(
	c echo.Context, caller string, change func(context.Context, string, audit.Act) (payment.RefundInfo, error),
) error {
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	id, err := pathText(c, "id", refundIDMax)
	if err != nil {
		return err
	}
	refund, err := change(traced(c), id, act)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, newRefundAnswer(refund))
}

// parkedAnswer is a payment that bought nothing yet.
type parkedAnswer struct {
	PaymentID string      `json:"payment_id"`
	OrderID   string      `json:"order_id"`
	Amount    event.Money `json:"amount"`
	Since     string      `json:"since"`
}

// listParked answers the payments that wait for their order, the oldest first.
func (h *handler) listParked(c echo.Context, _ string) error {
	cursor, limit, err := listOfParked.pageQuery(c)
	if err != nil {
		return err
	}
	limit = pageLimit(limit)
	after, err := afterParked(cursor)
	if err != nil {
		return err
	}
	claims, err := h.Orders.PaymentsOf(traced(c), order.Parked, after, limit+1)
	if err != nil {
		return err
	}
	page := listAnswer[parkedAnswer]{Items: []parkedAnswer{}}
	if len(claims) > limit {
		claims = claims[:limit]
		last := claims[limit-1]
		page.NextCursor = listOfParked.cursor(keyset.Position{At: last.Since.UnixMilli(), ID: last.PaymentID}.PlainCursor())
	}
	for _, claim := range claims {
		page.Items = append(page.Items, parkedAnswer{claim.PaymentID, claim.OrderID, claim.Amount, formatTime(claim.Since)})
	}
	return answer(c, http.StatusOK, page)
}

// afterParked is after which payment a page begins: when it was received, and its id.
func afterParked(cursor string) (after order.Claim, err error) {
	if cursor == "" {
		return after, nil
	}
	last, err := keyset.ParsePlain(cursor, func(id string) bool { return idform.IsVisibleASCII(id, order.IDMax) })
	if err != nil || last.At < 0 {
		return after, invalidCursor()
	}
	return order.Claim{PaymentID: last.ID, Since: time.UnixMilli(last.At)}, nil
}

// refundParked sends the money of a payment back that waits for its order.
func (h *handler) refundParked(c echo.Context, caller string) error {
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	id, err := pathText(c, "id", order.IDMax)
	if err != nil {
		return err
	}
	if err := h.Orders.RefundParked(traced(c), id, act); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// cancelPaid cancels a paid order for the office: its money goes back, and its tickets are for sale again.
func (h *handler) cancelPaid(c echo.Context, caller string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	act, err := readAct(c, caller)
	if err != nil {
		return err
	}
	cancelled, err := h.Orders.CancelPaid(traced(c), id, act)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, answerFromRow(cancelled, h.Now()))
}

type refundPartBody struct {
	Amount int64  `json:"amount"`
	Note   string `json:"note"`
}

type refundPartAnswer struct {
	RefundID string `json:"refund_id"`
}

// refundPart sends a part of what was paid for an order back, and leaves the order paid. The same Idempotency-Key again is
// the same refund.
func (h *handler) refundPart(c echo.Context, caller string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c.Request().Header)
	if err != nil {
		return err
	}
	var body refundPartBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	act, err := newAct(c, caller, body.Note)
	if err != nil {
		return err
	}
	if body.Amount < 1 {
		return problemError{kind: invalid, detail: "amount must be 1 or more minor units."}
	}
	if err := h.Payments.CheckPart(traced(c), id, body.Amount); err != nil {
		return err
	}
	refundID, err := h.Orders.RefundPart(traced(c), id, key, body.Amount, act)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, refundPartAnswer{refundID})
}

// ledgerAnswer is where the money of each currency is.
type ledgerAnswer struct {
	Balanced   bool             `json:"balanced"`
	Currencies []currencyLedger `json:"currencies"`
	ServerTime string           `json:"server_time"`
}

type currencyLedger struct {
	Currency       string `json:"currency"`
	Received       int64  `json:"received"`
	Applied        int64  `json:"applied"`
	Refunded       int64  `json:"refunded"`
	Returning      int64  `json:"returning"`
	Parked         int64  `json:"parked"`
	Unclear        int64  `json:"unclear"`         // came with the id of another payment
	NeedsAttention int64  `json:"needs_attention"` // the part of returning that waits for a person
	PaidOrders     int64  `json:"paid_orders"`     // what they cost
	Balanced       bool   `json:"balanced"`

	Stock stockBooks `json:"stock"`
}

// stockBooks are stock's books beside the money.
type stockBooks struct {
	TicketsSold     int64 `json:"tickets_sold"`
	TicketsReserved int64 `json:"tickets_reserved"`
	TicketsReleased int64 `json:"tickets_released"`
	Sold            int64 `json:"sold"`       // what those tickets cost
	Reserved        int64 `json:"reserved"`   // likewise
	OnItsWay        int64 `json:"on_its_way"` // what the paid orders cost more than the sold tickets
	Agrees          bool  `json:"agrees"`
}

// getLedger answers where all money is, and whether it adds up, with stock's books beside. These are read first: what is settled
// meanwhile has just been settled.
func (h *handler) getLedger(c echo.Context, _ string) error {
	books, err := h.Stock.Books(traced(c))
	if err != nil {
		return err
	}
	ledgers, err := h.Payments.Ledgers(traced(c))
	if err != nil {
		return err
	}
	ledgers = withCurrencies(ledgers, books)
	all := ledgerAnswer{Balanced: true, Currencies: []currencyLedger{}, ServerTime: formatTime(h.Now())}
	for _, l := range ledgers {
		all.Balanced = all.Balanced && l.Balanced()
		all.Currencies = append(all.Currencies, currencyLedger{
			Currency: l.Currency, Received: l.Received, Applied: l.Applied, Refunded: l.Refunded, Returning: l.Returning,
			Parked: l.Parked, Unclear: l.Unclear, NeedsAttention: l.Attention, PaidOrders: l.OrdersDue, Balanced: l.Balanced(),
			Stock: newStockBooks(l, books.Of[l.Currency], books.Archiving),
		})
	}
	return answer(c, http.StatusOK, all)
}

func newStockBooks(l payment.Ledger, b stock.Books, archiving bool) stockBooks {
	return stockBooks{
		TicketsSold: b.Sold, TicketsReserved: b.Reserved, TicketsReleased: b.Released, Sold: b.SoldWorth, Reserved: b.ReservedWorth,
		OnItsWay: l.StockBehind(b.SoldWorth), Agrees: archiving || l.AgreesWith(b.SoldWorth),
	}
}

// withCurrencies adds those in which tickets were reserved and no money has come.
func withCurrencies(ledgers []payment.Ledger, books stock.AllBooks) []payment.Ledger {
	for _, currency := range slices.Sorted(maps.Keys(books.Of)) {
		if !slices.ContainsFunc(ledgers, func(l payment.Ledger) bool { return l.Currency == currency }) {
			ledgers = append(ledgers, payment.Ledger{Currency: currency})
		}
	}
	return ledgers
}
