package notify

import (
	"context"
	"errors"
	"time"
)

// ErrRefused says that who carries a message has refused it for good: no further try will do.
var ErrRefused = errors.New("message is refused")

// ErrAway says that who carries messages is not there, which says nothing about the message.
var ErrAway = errors.New("nobody takes messages")

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
	ID  string // "ticket-1"
	PNG []byte
}

// Sender hands messages to who carries them. Send returns nil once the message is taken, ErrRefused when it never will be,
// ErrAway when nobody is there to take it, and any other error when a later try may do. It is called from several
// goroutines.
type Sender interface {
	Send(ctx context.Context, m Message) error
}
