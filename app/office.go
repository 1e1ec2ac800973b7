package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/common/db"
	"boxoffice/common/mq"
	"boxoffice/common/officeclock"
	"boxoffice/common/outage"
	"boxoffice/common/tracing"
	"boxoffice/identity"
	"boxoffice/inquiry"
	"boxoffice/live"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
	"boxoffice/purge"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// purgePause is how often what archived screenings have left is looked for.
const purgePause = time.Hour

// contactsFirst is how long after its start a process looks for contacts that nobody needs: what came while it was away is read by
// then.
const contactsFirst = 10 * time.Minute

// office has the parts of one running process. Each is set by the open method of its name, which also adds how it is
// closed; serve.go has their order.
type office struct {
	config   settings.Config
	wall     func() time.Time // of this machine
	skew     func(context.Context) (time.Duration, error)
	clock    *officeclock.Clock
	now      func() time.Time // of the office
	log      *slog.Logger
	registry *prometheus.Registry // of metrics
	host     string
	process  string          // what this process is called in what it writes
	tracer   *tracing.Tracer // nil without a collector
	closers

	nameServers  []string
	brokerFailed <-chan struct{} // closed when the embedded broker's log has failed; nil without an embedded broker
	stockDB      *db.DB
	orderDB      *db.DB
	ticketsDB    *db.DB // nil in a process that has nothing to do with tickets
	notifyDB     *db.DB // nil in a process that has nothing to do with mail and SMS
	owner        string // the office's id in all databases and in every message
	bus          *mq.Bus
	identity     *identity.Service // nil: this process serves no shop
	stock        *stock.Stock
	orders       *order.Orders
	payments     *payment.Service
	tickets      *tickets.Tickets // nil, as its database
	notify       *notify.Service  // nil, as its database
	webhooks     *webhook.Provider
	publisher    *stock.Republisher
	archive      api.RequestArchive
	transactor   *mq.Transactor
	seller       *countedSeller
	sender       *mq.Sender // of the order service, and of what operators have sent again
	desk         *inquiry.Desk
	operators    *api.Operators
	live         *live.Hub                // nil without streams
	toldDecided  atomic.Pointer[live.Hub] // the same, for consumers, which begin earlier
	onCreate     func(orders int)         // is told how many orders each message has created; may be nil
	shop, admin  net.Listener
	shopAddress  atomic.Value // string: the URL of shop, once it listens, for workers that have begun before
	failed       chan error   // of an HTTP server that cannot go on
	ready        atomic.Bool
	checks       []api.Probe // of what this process needs
}

// The databases that every process needs, and not each of them to be ready.
const (
	stockProbe = "stock database"
	orderProbe = "order database"
)

// watches tells whether this process is not ready without a database, and so logs its outages.
func (o *office) watches(name string) bool {
	if name == orderProbe {
		return o.config.HasRole(settings.RoleOrder)
	}
	return o.config.HasRole(settings.RoleAPI) || o.config.HasRole(settings.RoleStock)
}

// unwatched returns who logs the outages of a database that a part of this process uses; nil where the watch does.
func (o *office) unwatched(part, name string) func(error) bool {
	if o.watches(name) {
		return nil
	}
	return outage.New(o.log.With("part", part), name, 1).Observe
}

// nameProcess says what this process is called in what it writes.
func (o *office) nameProcess(context.Context) (err error) {
	if o.host, err = os.Hostname(); err != nil {
		return fmt.Errorf("read host name: %w", err)
	}
	o.process = fmt.Sprintf("%s, pid %d", o.host, os.Getpid())
	return nil
}

// publicURL is the address at which payment providers and browsers reach the shop; empty while it has none.
func (o *office) publicURL() string {
	if o.config.PublicURL != "" {
		return o.config.PublicURL
	}
	return o.shopURL()
}

// shopURL is the address of the shop's own listener; empty while it has none.
func (o *office) shopURL() string {
	address, _ := o.shopAddress.Load().(string)
	return address
}

// isArchived tells whether the orders of a screening are in the archive and nowhere else. As long as its file is not written
// and its rows are not deleted, the screening may be opened again.
func (o *office) isArchived(ctx context.Context, screeningID string) (bool, error) {
	archive, err := o.stock.Archive(ctx, screeningID)
	if errors.Is(err, stock.ErrNotArchived) {
		return false, nil
	}
	return !archive.DoneAt.IsZero() && archive.RestoredAt.IsZero(), err
}

// purgeEvery has a service delete what archived screenings have left, now and then, a while after the start at first.
func (o *office) purgeEvery(ctx context.Context, first time.Duration, log *slog.Logger, once func(context.Context, purge.Gone) (int64, error)) {
	o.goUntilClose(ctx, func(ctx context.Context) {
		purge.Every(ctx, first, purgePause, log, func(ctx context.Context) (int64, error) {
			n, err := once(ctx, o.isArchived)
			for _, outage := range []error{stock.ErrUnavailable, order.ErrUnavailable, tickets.ErrUnavailable, notify.ErrUnavailable} {
				if errors.Is(err, outage) { // of which there are lines already
					log.Debug("purge: it is tried again later", "error", err)
					return n, nil
				}
			}
			return n, err
		})
	})
}

// goUntilClose runs a loop in the background, until the office closes.
func (o *office) goUntilClose(ctx context.Context, loop func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); loop(ctx) }()
	o.onClose(func() error { cancel(); <-done; return nil })
}

// close closes all parts in the reverse order of opening. From now on the process is not ready.
func (o *office) close() error {
	o.ready.Store(false)
	return o.closeAll(stopTimeout)
}

// showDecided has the orders that this process has decided shown to those who watch them. Consumers call it from before
// openLive on.
func (o *office) showDecided(orderIDs []string) {
	if hub := o.toldDecided.Load(); hub != nil {
		hub.Decided(orderIDs)
	}
}
