package api

import (
	"context"
	"time"

	"boxoffice/common/audit"
	"boxoffice/doctor"
	"boxoffice/inquiry"
	"boxoffice/presence"
)

// Operators are the parts behind the operators' calls on orders, troubles and processes. Every field is required.
type Operators struct {
	Desk      Desk
	Doctor    Doctor
	Processes Processes
}

// Desk is what the API calls to find orders and to explain them.
type Desk interface {
	Search(ctx context.Context, f inquiry.Filter, cursor string, limit int) (items []inquiry.Found, next string, err error)
	Dossier(ctx context.Context, orderID string) (inquiry.Dossier, error)
	History(ctx context.Context, orderID string, now time.Time) (inquiry.History, error)
	Export(ctx context.Context, f inquiry.Filter, period inquiry.Period, page func([]inquiry.Row) error) error
}

// Doctor is what the API calls to find troubles, and to mend those that can be mended.
type Doctor interface {
	Findings(ctx context.Context) (*doctor.Report, error)
	Fix(ctx context.Context, which doctor.Selection, act audit.Act) (doctor.Mended, error)
	DeadLetters(ctx context.Context, limit int) ([]doctor.DeadGroup, error)
	ResendDead(ctx context.Context, act audit.Act) (doctor.Mended, error)
	Queues(ctx context.Context) (doctor.Queues, error)
}

// Processes is what the API calls to see who is alive.
type Processes interface {
	Alive(ctx context.Context) ([]presence.Process, error)
}

// operatorKey is where a request of an operator has who that is, for the audit log.
const operatorKey = "operator"

// loggedSubject is where a handler leaves what an operator has done something to, if neither path nor answer name it.
const loggedSubject = "logged subject"
