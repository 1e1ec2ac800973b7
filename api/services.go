package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/identity"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sale"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// Stock is what the API calls of the stock service.
type Stock interface {
	Screenings(ctx context.Context, which stock.SaleFilter, cursor string, limit int) (items []stock.Screening, next string, err error)
	Screening(ctx context.Context, id string) (stock.Screening, error)
	CreateScreening(ctx context.Context, s stock.Screening, by audit.Act) (stock.Screening, error)
	ChangeScreening(ctx context.Context, id string, change stock.ScreeningChange) (stock.Screening, error)
	Reservation(ctx context.Context, buyerID, orderID string) (stock.Reservation, error)
	Reservations(ctx context.Context, buyerID, cursor string, limit int) (items []stock.Reservation, next string, err error)

	CancelScreening(ctx context.Context, id string, by audit.Act) (stock.Screening, error)
	Cancellation(ctx context.Context, screeningID string) (*stock.Cancellation, error)
	Archive(ctx context.Context, screeningID string) (stock.Archive, error)
	Figures(ctx context.Context, screeningID string) (stock.Figures, error)
	Books(ctx context.Context) (stock.AllBooks, error)
	OrderKeys(ctx context.Context, screeningID string, afterTime int64, afterOrder string, limit int) ([]stock.OrderKey, error)
	Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error)
}

// Seller is what the API calls to sell tickets. The same buyer and key always give the same order. Refuse is the cheap
// check before a purchase is decoded: an error is the answer, nil means that Purchase decides.
type Seller interface {
	Refuse(ctx context.Context, screeningID, buyerID, key string) error
	Purchase(ctx context.Context, p sale.Request) (sale.Bought, error)
}

// Orders is what the API calls of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
	Cancel(ctx context.Context, o event.Order, held bool) (order.Order, error)

	CancelPaid(ctx context.Context, id string, act audit.Act) (order.Order, error)
	RefundPart(ctx context.Context, id, key string, amount int64, act audit.Act) (refundID string, err error)
	Reused(ctx context.Context, limit int) ([]order.Reused, error)
	SettleReused(ctx context.Context, paymentID, orderID string, amount event.Money, act audit.Act) error
	RefundParked(ctx context.Context, paymentID string, act audit.Act) error
	PaymentsOf(ctx context.Context, result order.PaymentResult, after order.Claim, limit int) ([]order.Claim, error)
	SumMoney(ctx context.Context, orderIDs []string) (order.Money, error)
	Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error)
}

// Payments is what the API calls to bring money in and back.
type Payments interface {
	Providers() []string
	Callers() []string
	Knows(provider string) bool
	Start(ctx context.Context, reserved event.Order, provider, returnURL string) (payment.Opened, error)
	Callback(ctx context.Context, provider string, header http.Header, body []byte) (payment.Taken, error)
	OrderEnded(ctx context.Context, orderID string) error
	RefundsOf(ctx context.Context, orderID string) ([]payment.RefundInfo, error)

	Refunds(ctx context.Context, states []string, afterID string, limit int) (items []payment.RefundInfo, next string, err error)
	CheckPart(ctx context.Context, orderID string, amount int64) error
	Retry(ctx context.Context, id string, act audit.Act) (payment.RefundInfo, error)
	SettleByHand(ctx context.Context, id string, act audit.Act) (payment.RefundInfo, error)
	Ledgers(ctx context.Context) ([]payment.Ledger, error)
}

// Identity is what the API calls to know who calls, and to sign people in. Of the sign-in nothing is called unless SignsIn.
type Identity interface {
	Token(ctx context.Context, text string) (identity.Caller, error)
	SignToken(subject, role string, expires time.Time) (string, error)

	SignsIn() bool
	Session(text string) (identity.Caller, error)
	BeginSignIn(ctx context.Context, returnPath, languages string) (address, flow string, err error)
	FinishSignIn(ctx context.Context, client, flows string, answer url.Values) (identity.SignedIn, error)
	EndSession(idToken, returnPath string) (address string)
}

// Tickets is what the API calls to show the tickets of paid orders, and to let their bearers in.
type Tickets interface {
	OfOrder(ctx context.Context, orderID string) ([]tickets.Ticket, error)
	ScreeningOf(code string) (screeningID string, err error)
	CheckIn(ctx context.Context, e tickets.Entry) (tickets.Ticket, error)
	OfScreening(ctx context.Context, screeningID, afterID string, limit int) (found []tickets.Ticket, next string, err error)
	Count(ctx context.Context, screeningID string) (tickets.Counts, error)
	PublicKeys() [][]byte
}

// Notify is what the API calls of mail and SMS.
type Notify interface {
	ContactOf(ctx context.Context, buyerID string) (notify.Contact, error)
	SetContact(ctx context.Context, c notify.Contact) error
	DeleteContact(ctx context.Context, buyerID string) error

	OfOrder(ctx context.Context, orderID string) ([]notify.Notification, error)
	OfBuyer(ctx context.Context, buyerID string, limit int) ([]notify.Notification, error)
	Find(ctx context.Context, f notify.Filter) (found []notify.Notification, next string, err error)
	Message(ctx context.Context, id string) (notify.Message, error)
	Retry(ctx context.Context, id string, act audit.Act) (notify.Notification, error)
	Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error)
}

// RequestArchive has the orders of a screening that is over moved to the archive, by whichever process archives. It fails
// with stock.NotArchivableError, or as Stock does.
type RequestArchive func(ctx context.Context, screeningID string, by audit.Act) error
