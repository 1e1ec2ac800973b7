package payment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"boxoffice/common/event"
)

// What a provider fails with. Any other error, such as a timeout, leaves open whether the provider has acted: the same
// call is made again, which it takes as the same.
var (
	// ErrForged says that a callback is not signed by the provider, or is too old. Nothing of it may be believed.
	ErrForged = errors.New("callback is not signed by the payment provider")
	// ErrRefused says that the provider has refused a call for good and done nothing. To repeat it is useless until a
	// person has changed something.
	ErrRefused = errors.New("payment provider refuses")
	// ErrUnknownRefund says that the provider has looked for a refund and has none of this key. A refused question is not
	// that: who may not ask, or asks somebody else, learns nothing of the refund.
	ErrUnknownRefund = errors.New("payment provider knows no such refund")
	// ErrNothingFound says that the provider was asked for an attempt by its id alone, has found no money of it, and cannot say
	// that none will come. It is not away.
	ErrNothingFound = errors.New("payment provider finds no payment of this attempt, and cannot say that there will be none")
	// ErrUnsupported says that the provider has no such call, or is not configured for it.
	ErrUnsupported = errors.New("payment provider cannot do this")
)

// BadCallback is the error for a callback that is signed by the provider and cannot be taken.
type BadCallback struct {
	Detail   string // one sentence
	Readable bool   // it is well-formed, and a value in it is not allowed
}

func (e BadCallback) Error() string {
	return "callback of the payment provider cannot be taken: " + e.Detail
}

// Provider is one way to pay: a payment provider's API behind the calls that all of them have. A provider keeps nothing
// between calls, and is safe for concurrent use. Each call is bounded by its context.
type Provider interface {
	// Name is the provider's in paths, tables and metrics: 1 to 16 lower-case letters and digits.
	Name() string

	// Start opens an attempt at the provider. Started again, an attempt of the same id is the same payment, never a
	// second one.
	Start(ctx context.Context, a Attempt) (Started, error)

	// Query asks how an attempt stands.
	Query(ctx context.Context, a Attempt) (Status, error)

	// Close makes the provider take no more money for an attempt, and returns how it stands then: the payer may have been
	// faster. An attempt that is closed already, or that the provider has never heard of and will take no money for, is closed.
	Close(ctx context.Context, a Attempt) (Status, error)

	// Refund sends money back. Sent again, a refund of the same key is the same refund, never a second one.
	Refund(ctx context.Context, r Refund) (RefundStatus, error)

	// QueryRefund asks how a refund stands that was sent.
	QueryRefund(ctx context.Context, r Refund) (RefundStatus, error)

	// Verify checks the signature of a callback over its raw body, and only then reads it. It fails with ErrForged or a
	// BadCallback. A callback that says nothing of payments or refunds is an empty report.
	Verify(ctx context.Context, header http.Header, body []byte) (Report, error)
}

// Acknowledger is a Provider that wants its own answer to a callback that was taken; others get JSON with status 200.
type Acknowledger interface {
	Acknowledgement() (contentType, body string)
}

// SharedAccount is a Provider whose account may also take money for others: another office, or another shop. Of its
// callbacks only those are believed to be for this office that are of an attempt which this office has made. It gives the account
// the name of the office to hand back, and reports as Foreign what has another one's: offices of this program give attempts ids of
// one form, and the account confirms those of all. The account of any other Provider is this office's alone.
type SharedAccount interface{ SharedAccount() bool }

// CallbacksOnly is a Provider that may be configured so that it starts no payments: they are started elsewhere.
type CallbacksOnly interface{ CallbacksOnly() bool }

// Extender is a Provider that cannot close an attempt before its payer comes, and that takes a later ExpiresAt for one that is
// open when it is started again: to its payer it is the same payment with more time.
type Extender interface{ ExtendsUnopened() bool }

// Stepped is a Provider that sends back only multiples of some minor units of a currency: 1 where any amount will do.
type Stepped interface{ RefundStep(currency string) int64 }

// NamedAccount is a Provider whose account has a name, under which it knows attempts: asked with another one, it has never heard of
// them. 1 to 255 visible ASCII characters, and no secret. Any other Provider has one account, or refuses to be asked for attempts
// of another one.
type NamedAccount interface{ Account() string }

// accountOf returns the account that a provider has now; empty if it names none.
func accountOf(p Provider) string {
	if named, ok := p.(NamedAccount); ok {
		return named.Account()
	}
	return ""
}

// Attempt is one try to pay for one order with one provider.
type Attempt struct {
	ID          string // made by us, 32 of a-z and 2-7: the merchant's number of this payment at the provider
	OrderID     string
	Amount      event.Money
	Description string    // what the payer reads, 1 to 120 characters: "boxoffice order 06d4"
	ReturnURL   string    // absolute, where the payer's browser goes afterwards
	ExpiresAt   time.Time // when the order stops waiting for money
	Reference   string    // what Start returned; empty while no Start has been answered
}

// Started is an attempt that the provider knows.
type Started struct {
	Reference string // the provider's own id of the attempt; empty if it has none. At most 255 visible ASCII characters
	Action    Action
	Lives     time.Duration // how long the action can be used, if that may be less than the attempt can be paid; then it is started again
}

// Action is what the payer has to do. URLs are absolute and http or https; a QR code has at most QRMax bytes, and is no address
// that a browser opens by itself, such as a script; all of it has at most 8000 bytes as JSON. An attempt with another action is
// closed again.
type Action struct {
	Kind   ActionKind        `json:"kind"`
	URL    string            `json:"url,omitempty"`    // of a redirect or a form
	QR     string            `json:"qr,omitempty"`     // the content of a QR code
	Fields map[string]string `json:"fields,omitempty"` // of a form, which is posted to URL
}

// ActionKind says which kind of action a payer has to take.
type ActionKind string

// The kinds of actions.
const (
	Redirect ActionKind = "redirect" // go to URL
	ShowQR   ActionKind = "qr"       // scan QR with the provider's application
	PostForm ActionKind = "form"     // post Fields to URL
)

// Status is how an attempt stands at the provider.
type Status struct {
	State    AttemptState
	Payments []Payment // whose money the provider has taken; a payer can pay twice
}

// AttemptState is the state of an attempt.
type AttemptState string

// The states of an attempt. It leaves Open once.
const (
	Open   AttemptState = "open"   // it may still be paid
	Paid   AttemptState = "paid"   // money has been taken, and no more will be
	Closed AttemptState = "closed" // no money has been taken, and none will be
)

// AmountMax is the most that a payment can be in minor units, which is the most that an order can cost. Millions of such payments
// stay within an int64 when they are added up.
const AmountMax = 1_000_000_000_000

// invalidAmount says in one sentence that the amount of a payment cannot be taken, or "".
func (p Payment) invalidAmount() string {
	if p.Amount.Amount < 1 || p.Amount.Amount > AmountMax {
		return fmt.Sprintf("The amount of a payment must be 1 to %d minor units.", int64(AmountMax))
	}
	return ""
}

// Payment is money that a provider has taken.
type Payment struct {
	ID        string // the provider's, unique at the provider
	AttemptID string // empty for a payment that was not started here
	Reference string // the provider's own id of the attempt; empty if it has none, or is not asked for by it
	OrderID   string
	Amount    event.Money
	Foreign   bool // another office that uses the same account has asked for it
}

// Refund is money that goes back to a payer: all of a payment, or a part of it.
type Refund struct {
	Key       string // made by us, 1 to 64 of A-Z a-z 0-9 and _: the provider sends money once for each key
	PaymentID string // the provider's id of the payment
	Amount    event.Money
	Total     event.Money // of the payment
	Reason    string      // one of the refund reasons, for the provider's records
	Reference string      // what Refund returned; empty while no Refund has been answered

	Waited time.Duration // since the office sent this refund before, at least; 0 for the first time
}

// RefundStatus is how a refund stands at the provider.
type RefundStatus struct {
	State     RefundState
	Reference string // the provider's id of the refund; empty if it has none
	Detail    string // why it failed, in the provider's words
}

// RefundState is the state of a refund at a provider.
type RefundState string

// The states of a refund at a provider.
const (
	RefundPending RefundState = "pending" // accepted, and on its way
	RefundDone    RefundState = "done"    // the money is back
	RefundFailed  RefundState = "failed"  // it did not get there, and this key will not be tried any more
	RefundStuck   RefundState = "stuck"   // a person has to act at the provider, which goes on under the same key
)

// Report is what a verified callback says.
type Report struct {
	ID       string // of this delivery, for the record; at most 255 visible ASCII characters
	Payments []Payment
	Refunds  []RefundReport
	Closed   []string // ids of attempts for which no money has been or will be taken
}

// RefundReport is what a callback says of a refund.
type RefundReport struct {
	Key string // of the refund
	RefundStatus
}
