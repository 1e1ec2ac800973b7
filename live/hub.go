// Package live shows those who watch an order or a screening each new state of it, whichever process has decided it.
//
// Its source is the database alone. A few times a second the process looks at what is watched: the keys of the watched
// orders, some hundred in a statement, of which the database answers with those that have changed; and the rows of the
// watched screenings. All streams share that look, so its cost is that of the rows and not of the requests of as many
// pages that poll. Messages could say the same a little earlier, but each process would have to read every message of the
// sale to find the few that somebody here watches, and look all the same for what was lost. Orders that this process decides
// by itself are looked at before their turn.
package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"boxoffice/order"
	"boxoffice/stock"
)

// Orders is where the looks read orders.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
	FindChanged(ctx context.Context, seen []order.Seen) (map[string]order.Order, error)
}

// Screenings is where the looks read screenings.
type Screenings interface {
	ShownScreenings(ctx context.Context, ids []string) (map[string]stock.Screening, error)
}

// Options are what New makes a hub of. All but OnLook are required, and AddressStreams may be 0.
type Options struct {
	Orders     Orders
	Screenings Screenings

	Streams        int // most at once
	BuyerStreams   int // most of one buyer; one more ends the oldest
	AddressStreams int // most of one network address; 0 is no limit

	Log    *slog.Logger
	OnLook func(kind string, took time.Duration, err error) // is told of each look; may be nil
}

// Order is an order as its buyer sees it: its row, or while there is none its reservation.
type Order struct {
	Reserved stock.Reservation
	Row      order.Order
	Exists   bool // its row
}

// Final tells whether the order stays as it is for ever.
func (o Order) Final() bool { return o.Exists && o.Row.IsFinal() }

// Hub knows what is watched, and by whom.
type Hub struct {
	options    Options
	admission  admission
	orders     *topics[Order]
	screenings *topics[stock.Screening]
	decided    *decided
	crowds     *crowds // who watch the screenings
}

// New returns a hub in which nothing is watched. It looks only while Run runs.
func New(o Options) *Hub {
	screenings := newTopics[stock.Screening]()
	return &Hub{
		options: o,
		admission: admission{
			streams: o.Streams, ofBuyer: o.BuyerStreams, ofAddress: o.AddressStreams,
			buyers: map[string][]*entry{}, addresses: map[string]int{},
		},
		orders: newTopics[Order](), screenings: screenings, decided: newDecided(), crowds: newCrowds(screenings),
	}
}

// Open counts the streams that are open.
func (h *Hub) Open() int { return h.admission.size() }

// Close ends all streams, refuses new ones, and returns when all have left.
func (h *Hub) Close() {
	h.admission.close()
	h.orders.close()
	h.screenings.close()
	h.admission.left.Wait()
}

// ShowsScreening tells whether a screening is watched and was read, so that it exists.
func (h *Hub) ShowsScreening(id string) bool {
	watched := h.screenings.find(id)
	return watched != nil && watched.state.Load() != nil
}

// Decided makes the hub look soon at those of the orders that are watched, because this process has just decided them. It
// does not block.
func (h *Hub) Decided(orderIDs []string) {
	if h.Open() == 0 {
		return
	}
	var watched []string
	for _, id := range orderIDs {
		if h.orders.find(id) != nil {
			watched = append(watched, id)
		}
	}
	if len(watched) > 0 {
		h.decided.add(watched)
	}
}

// Place is the right to one stream.
type Place struct {
	hub   *Hub
	entry *entry
	leave func()
}

// Enter takes a place for a stream, which the caller gives back. If its buyer has as many as one may have, the oldest of them
// is closed. It fails with ErrFull, ErrTooMany or ErrStopping.
func (h *Hub) Enter(c Caller) (*Place, error) {
	e, err := h.admission.enter(c)
	if err != nil {
		return nil, err
	}
	return &Place{hub: h, entry: e, leave: sync.OnceFunc(func() { h.admission.exit(e) })}, nil
}

// Leave gives the place back. It may be called more than once.
func (p *Place) Leave() { p.leave() }

// Stream is one watcher's view of what it watches.
type Stream[T comparable] struct {
	topic *topic[T]
	leave func()
}

// WatchOrder tells a watcher of the states of an order, which is given as it was reserved, and which the watcher may see.
func (p *Place) WatchOrder(r stock.Reservation, w Watcher) *Stream[Order] {
	return watch(p, p.hub.orders, r.ID, Order{Reserved: r}, w)
}

// WatchScreening tells a watcher of the states of a screening that exists.
func (p *Place) WatchScreening(id string, w Watcher) *Stream[stock.Screening] {
	return watch(p, p.hub.screenings, id, stock.Screening{}, w)
}

func watch[T comparable](p *Place, all *topics[T], id string, known T, w Watcher) *Stream[T] {
	watched := all.join(id, known, w)
	p.hub.admission.begin(p.entry, w)
	return &Stream[T]{topic: watched, leave: func() { all.leave(watched, w); p.Leave() }}
}

// Newest returns the newest state, or nil while none has been read. The watcher is woken when there is another.
func (s *Stream[T]) Newest() *State[T] { return s.topic.state.Load() }

// Close ends the stream, and gives its place back. It may be called more than once.
func (s *Stream[T]) Close() { s.leave() }
