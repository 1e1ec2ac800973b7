package tickets

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/order"
)

// processMax is the longest name of a process that its column holds, in bytes.
const processMax = 128

// Orders is what this package reads of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
}

// Options configures Tickets. Every field but Keys and Process is required.
type Options struct {
	Orders Orders
	Keys   Keys // of codes; a process that only consumes messages needs none
	Now    func() time.Time
	Log    *slog.Logger

	Process string // what this process is called in what it writes; may be empty
}

// Tickets is the service of tickets over its database. It is safe for concurrent use, also by several processes on one
// database.
type Tickets struct {
	db *db.DB
	Options
}

// New returns the service over a database that has its schema.
func New(d *db.DB, options Options) *Tickets {
	options.Process = strings.ToValidUTF8(options.Process[:min(len(options.Process), processMax)], "")
	return &Tickets{d, options}
}

// PublicKeys lists the Ed25519 keys that verify codes, the one that signs first.
func (t *Tickets) PublicKeys() [][]byte { return t.Keys.Public() }

// unavailable wraps an error in ErrUnavailable when it is an outage of the database, after which a retry may succeed.
func (t *Tickets) unavailable(err error) error {
	if t.db.IsUnavailable(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// now is this process, now.
func (t *Tickets) now() doer { return doer{t.Process, t.Now()} }
