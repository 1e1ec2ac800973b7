// Package tickets makes tickets of paid orders, one per seat, each with a signed code, and lets each in once. It is a
// subscriber of its own: it hears of orders by order-settled, reads them from the order service, and owns its database.
// The order service alone says whether an order is paid; this package follows it and never asks anything of it.
package tickets

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// What a call can be refused for.
var (
	ErrNotPaid        = errors.New("order is not paid")
	ErrCodeInvalid    = errors.New("code is not one of a ticket of this office")
	ErrVoid           = errors.New("ticket is void: its order was cancelled")
	ErrWrongScreening = errors.New("ticket is for another screening")
	ErrBusy           = errors.New("other transactions kept changing the same tickets")
	ErrUnavailable    = errors.New("tickets database is away")
)

// UsedError says that a ticket has let somebody in before, when and where.
type UsedError struct {
	At   time.Time
	Gate string // empty: none was named
}

func (e UsedError) Error() string {
	return fmt.Sprintf("ticket was used at %s at gate %q", e.At.Format(time.RFC3339), e.Gate)
}

// State is where a ticket stands.
type State string

// The states of a ticket. It leaves Valid once for Used, and either for Void when its order is cancelled.
const (
	Valid State = "valid"
	Used  State = "used"
	Void  State = "void"
)

// The bounds of what a check-in takes, in bytes. The columns are wide enough for each.
const (
	GateMax = 64
	KeyMax  = 255
)

// Ticket is one seat of a paid order.
type Ticket struct {
	ID          string
	OrderID     string
	ScreeningID string
	Number      int // of this seat in its order, from 1
	Of          int // seats of the order
	State       State
	UsedAt      time.Time // zero unless it was used
	UsedGate    string
	Code        string // what its QR code says; only OfOrder fills it in
}

// Entry is somebody at a door.
type Entry struct {
	Code        string
	ScreeningID string // which the door is for; empty: any
	Gate        string // the door's name, for the record; may be empty
	Staff       string // who checks
	Key         string // the same in all retries of one check-in, which get the same answer
}

// ticketID names a seat of an order.
func ticketID(orderID string, number int) string { return orderID + "-" + strconv.Itoa(number) }
