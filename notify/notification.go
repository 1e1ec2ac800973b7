// Package notify tells buyers by mail and SMS what becomes of their orders: that tickets are reserved, that they are paid
// and here they are, that an order is cancelled, that money is on its way back. It is a subscriber of its own: it hears of
// orders by the office's messages, reads them from the order service, and owns its database. Its consumers only write rows;
// a worker sends what the rows say. Nobody waits for it, and nothing of a purchase depends on it.
package notify

import (
	"context"
	"errors"
	"time"
)

// What a call can be refused for.
var (
	ErrContactInvalid = errors.New("contact is not one that can be written to")
	ErrContactAbsent  = errors.New("there is no contact of this buyer")
	ErrAbsent         = errors.New("there is no such notification")
	ErrNotDead        = errors.New("notification is not dead")
	ErrBusy           = errors.New("other transactions kept changing the same notifications")
	ErrUnavailable    = errors.New("notifications database is away")
)

// Kind is what a notification tells.
type Kind string

// The kinds.
const (
	KindReserved  Kind = "reserved"  // the tickets are held, and are to be paid
	KindPaid      Kind = "paid"      // the order is paid, and these are its tickets
	KindCancelled Kind = "cancelled" // the order is cancelled
	KindRefunded  Kind = "refunded"  // money has been sent back
)

// Channel is the way that a notification takes.
type Channel string

// The channels.
const (
	ChannelMail Channel = "mail"
	ChannelSMS  Channel = "sms"
)

// State is where a notification stands.
type State string

// The states of a notification. It leaves StateDue for one of the others. An operator can make a dead one due again, and
// so can its buyer's next contact, also one that was skipped for want of one.
const (
	StateDue     State = "due"     // to be sent, or tried again
	StateSent    State = "sent"    // who carries it has taken it
	StateDead    State = "dead"    // refused for good, or tried as often as it may be: a person has to look
	StateSkipped State = "skipped" // no longer true, or nobody to tell: its order has moved on, or its contact is gone
)

// States lists the states of a notification.
func States() []State { return []State{StateDue, StateSent, StateDead, StateSkipped} }

// The languages that there are texts in.
const (
	English = "en"
	Chinese = "zh"
)

// The bounds of a contact, in bytes. The columns are wide enough for each.
const (
	EmailMax = 254
	PhoneMax = 16
)

// Contact is where a buyer wants to be told. One of Email and Phone may be empty.
type Contact struct {
	BuyerID  string
	Email    string // one address, as SMTP has it: ASCII, without a name
	Phone    string // E.164: a plus sign and up to 15 digits
	Language string // English or Chinese
}

// Notification is one thing to tell one buyer by one channel, once.
type Notification struct {
	ID        string // made of order, kind, what it is about and channel, so that there is one of each
	OrderID   string
	BuyerID   string
	Kind      Kind
	Channel   Channel
	To        string // where it was sent last, or is to be sent; empty when the contact is gone
	State     State
	Tries     int       // of an outage's tries few count
	LastError string    // of its last try that failed, or why it was skipped
	CreatedAt time.Time // when its message came
	NextAt    time.Time // of its next try; zero unless it is due
	SentAt    time.Time // zero unless it was sent
	MadeBy    string    // the process that wrote it down; empty where that is not known
	TriedBy   string    // the one that tried it last; empty before its first try
}

// Filter picks notifications. An empty field picks all.
type Filter struct {
	State   State
	AfterID string // those after this one, in the order of ids
	Limit   int    // how many at most; required
}

// Counts is how many notifications there are that are not at an end, and when the oldest that is due was made.
type Counts struct {
	Due, Dead int64
	OldestDue time.Time // zero when none is due
}

// What a Sender can say of a message beside that it is taken.
var (
	ErrRefused = errors.New("message is refused for good")
	ErrAway    = errors.New("nobody is there to take messages")
)

// Message is a notification as it is sent.
type Message struct {
	ID       string // of the notification: the same in each try, so that who gets it twice can tell
	OrderID  string
	BuyerID  string
	Kind     Kind
	Channel  Channel
	To       string
	Language string
	Subject  string // empty for an SMS
	Text     string
	HTML     string // empty for an SMS
	Images   []Image
	MadeAt   time.Time // when the notification was made
}

// Image is a picture that the HTML of a message shows, as cid:ID.
type Image struct {
	ID  string // "ticket-1@boxoffice": a mail wants it so
	PNG []byte
}

// Sender hands messages to who carries them. Send returns nil once the message is taken, ErrRefused when it never will be,
// ErrAway when nobody is there to take it, which says nothing about the message, and any other error when a later try may
// do. It is called from several goroutines, with a context that ends after SendTimeout.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// SendTimeout bounds one try to send one message, with all that is read for it.
const SendTimeout = 30 * time.Second
