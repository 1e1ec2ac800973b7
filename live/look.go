package live

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"boxoffice/common/outage"
	"boxoffice/order"
	"boxoffice/stock"
)

// The pauses between two looks. That between looks at orders grows with what a look takes: ten thousand watched orders are
// looked at some four times a second, and less often on a machine that has too much to do, so that those who buy have it.
const (
	orderPause     = 100 * time.Millisecond
	orderPauseMax  = 500 * time.Millisecond
	orderPauseTook = 8 // times what a look took

	// decidedPause gathers the orders that this process decides before it looks at them: in a sale those are thousands a second.
	decidedPause = 30 * time.Millisecond

	screeningPause = 250 * time.Millisecond
)

const (
	lookTimeout = 5 * time.Second

	screeningsPerRead = 500
)

// Run looks at what is watched until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, l := range []looker{
		{kind: "order", away: h.options.OrdersAway, look: h.lookAtOrders, early: h.decided.ready, lookEarly: h.lookAtDecided,
			pause: func(took time.Duration) time.Duration {
				return min(max(orderPause, orderPauseTook*took), orderPauseMax)
			}},
		{kind: "screening", look: h.lookAtScreenings, pause: func(time.Duration) time.Duration { return screeningPause }},
	} {
		l.onLook = h.options.OnLook
		l.loop = outage.NewLoop(h.options.Log.With("kind", l.kind), "look at what is watched", stock.ErrUnavailable, order.ErrUnavailable)
		running.Go(func() { l.run(ctx) })
	}
	running.Wait()
	h.crowds.wait()
}

// looker looks at one kind of what is watched, again and again. While the database is away nothing changes for those who
// watch, and they are shown what it says when it is back.
type looker struct {
	kind  string
	look  func(context.Context) (tell func(context.Context), err error) // tell does not wait, and is nil when nothing is watched
	pause func(took time.Duration) time.Duration

	early     <-chan struct{} // there is something to look at before the pause is over; may be nil
	lookEarly func(context.Context) (tell func(context.Context), err error)

	onLook func(kind string, took time.Duration, err error)

	loop *outage.Loop     // says what is no outage
	away func(error) bool // may be nil
}

func (l *looker) run(ctx context.Context) {
	for ctx.Err() == nil {
		took := l.once(ctx, l.look)
		l.rest(ctx, time.NewTimer(l.pause(took)))
	}
}

// rest returns when the pause is over, or ctx. Until then it takes the looks that cannot wait. Those that become due while
// one is gathering belong to it and do not put it off: in a sale something is due all the time.
func (l *looker) rest(ctx context.Context, over *time.Timer) {
	defer over.Stop()
	early := l.early
	var gathered <-chan time.Time
	for {
		select {
		case <-early:
			early, gathered = nil, time.After(decidedPause)
		case <-gathered:
			l.once(ctx, l.lookEarly)
			early, gathered = l.early, nil
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// once looks, tells who is to be told, and returns how long the look took.
func (l *looker) once(ctx context.Context, look func(context.Context) (func(context.Context), error)) time.Duration {
	began := time.Now()
	timed, cancel := context.WithTimeout(ctx, lookTimeout)
	tell, err := look(timed)
	cancel()
	took := time.Since(began)
	if tell != nil && ctx.Err() == nil {
		l.note(ctx, took, err)
		tell(ctx)
	}
	return took
}

// note counts a look, and logs when looks begin to fail. Streams say nothing new until they work again.
func (l *looker) note(ctx context.Context, took time.Duration, err error) {
	if l.onLook != nil {
		l.onLook(l.kind, took, err)
	}
	l.loop.Observe(ctx, err)
	if l.away != nil && (err == nil || errors.Is(err, order.ErrUnavailable)) {
		l.away(err)
	}
}

// lookAtOrders publishes what has become of the orders that are watched. States are read nowhere else, and one look comes
// after the other, so that no watcher sees a state after a later one.
func (h *Hub) lookAtOrders(ctx context.Context) (tell func(context.Context), err error) {
	return h.lookAt(ctx, h.orders.all())
}

func (h *Hub) lookAt(ctx context.Context, watched []*topic[Order]) (tell func(context.Context), err error) {
	if len(watched) == 0 {
		return nil, nil
	}
	var changed []*topic[Order]
	publish := func(t *topic[Order], value Order) {
		if t.publish(value) {
			changed = append(changed, t)
		}
	}
	var rowless []*topic[Order] // so far
	seen := make([]order.Seen, 0, len(watched))
	for _, t := range watched {
		switch state := t.state.Load(); {
		case state == nil || !state.Value.Exists:
			rowless = append(rowless, t)
		case !state.Value.Final():
			seen = append(seen, state.Value.Row.Seen())
		}
	}
	made, findErr := h.findRows(ctx, rowless)
	for _, t := range rowless {
		switch row, exists := made[t.id]; {
		case exists:
			publish(t, t.known.withRow(row))
		case findErr == nil:
			publish(t, t.known)
		}
	}
	rows, changedErr := h.options.Orders.FindChanged(ctx, seen)
	for id, row := range rows {
		if t := h.orders.find(id); t != nil {
			publish(t, t.known.withRow(row))
		}
	}
	tell = func(context.Context) {
		for _, t := range changed {
			for _, w := range h.orders.watchersOf(t) {
				w.Wake()
			}
		}
	}
	return tell, errors.Join(findErr, changedErr)
}

// lookAtDecided looks at the watched orders that this process has decided since.
func (h *Hub) lookAtDecided(ctx context.Context) (tell func(context.Context), err error) {
	var watched []*topic[Order]
	for _, id := range h.decided.take() {
		if t := h.orders.find(id); t != nil {
			watched = append(watched, t)
		}
	}
	return h.lookAt(ctx, watched)
}

func (h *Hub) findRows(ctx context.Context, watched []*topic[Order]) (map[string]order.Order, error) {
	ids := make([]string, len(watched))
	for i, t := range watched {
		ids[i] = t.id
	}
	return h.options.Orders.Find(ctx, ids...)
}

func (o Order) withRow(row order.Order) Order {
	return Order{Reserved: o.Reserved, Row: row, Exists: true}
}

// lookAtScreenings publishes the screenings that are watched, as buyers see them.
func (h *Hub) lookAtScreenings(ctx context.Context) (tell func(context.Context), err error) {
	watched := h.screenings.all()
	if len(watched) == 0 {
		return nil, nil
	}
	var changed []*topic[stock.Screening]
	for some := range slices.Chunk(watched, screeningsPerRead) {
		ids := make([]string, len(some))
		for i, t := range some {
			ids[i] = t.id
		}
		found, readErr := h.options.Screenings.ShownScreenings(ctx, ids)
		err = errors.Join(err, readErr)
		for _, t := range some {
			if s, exists := found[t.id]; exists && t.publish(asSeen(s)) {
				changed = append(changed, t)
			}
		}
	}
	tell = func(ctx context.Context) {
		for _, t := range changed {
			h.crowds.tell(ctx, t)
		}
	}
	return tell, err
}

// asSeen leaves out of a screening what buyers do not see, and what changes all the time.
func asSeen(s stock.Screening) stock.Screening {
	s.Reserved, s.Sold, s.OrdersMade, s.TermsVersion = 0, 0, 0, 0
	return s
}
