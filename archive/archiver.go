// Package archive moves screenings that are over out of the databases. The orders of a screening go to a compressed
// file of JSON lines, from which they can be restored; only their sums stay in the database.
package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"boxoffice/order"
	"boxoffice/stock"
)

const (
	// AgeMin is the least time after its end, and after its last order was settled, at which a screening may be archived.
	// After that no message of its orders is in flight any more.
	AgeMin = 7 * 24 * time.Hour

	rowsPerTx          = 500
	requestsPerTx      = 100_000 // request ids that are added to the filter
	screeningsPerQuery = 100
)

// ErrUnsettled says that the reservations and the orders of a screening do not agree, or are not final.
var ErrUnsettled = errors.New("the screening is not settled; boxoffice doctor says what is open")

// Archiver moves orders to files and back. Any number of processes may do so at the same time; a lease gives each
// screening to one of them.
type Archiver struct {
	stock  *stock.Stock
	orders *order.Orders
	opts   Options
	worker string // a name of its own, by which the leases tell archivers apart
	rows   int    // orders or holdings in one transaction
}

// Options configures an Archiver. Every field is required.
type Options struct {
	Dir   string                      // of the files
	Ready func(context.Context) error // is called before each run and restore, and refuses it by an error
	Now   func() time.Time
	Log   *slog.Logger
}

// New returns an archiver for the two databases of an office.
func New(s *stock.Stock, o *order.Orders, opts Options) *Archiver {
	return &Archiver{stock: s, orders: o, opts: opts, worker: rand.Text(), rows: rowsPerTx}
}

// releaseLease lets the next run continue with a screening at once, also when ctx has ended.
func (a *Archiver) releaseLease(ctx context.Context, lease stock.ArchiveLease) error {
	return a.stock.ReleaseArchive(context.WithoutCancel(ctx), lease)
}
