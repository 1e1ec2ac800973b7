package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	exchangesMax       = 64      // at a time
	exchangeWaitersMax = 512     // beside them; whoever comes then is refused at once
	spentMax           = 1 << 14 // of sign-ins that are remembered to be used up
)

// errExchangesFull says why an exchange is not begun.
var errExchangesFull = errors.New("too many sign-ins wait for the identity provider")

// exchanges bounds what the identity provider is asked for the sake of sign-ins. Each sign-in asks it once, so that whoever
// has begun one can neither take the turns of others nor have the provider asked again and again. Anybody can begin as many
// as they like: each client has its share of the turns and of the places, and no more.
type exchanges struct {
	mu       sync.Mutex
	underway map[string]struct{} // the states of sign-ins that wait for a turn or have one
	spent    *lru.Cache[string, struct{}]
	places   shares // of those who wait or have a turn
	turns    shares
	waiting  []*waiter // in the order in which they came
}

// waiter waits for a turn.
type waiter struct {
	client  string
	granted chan struct{} // closed: it has the turn
}

func newExchanges() (*exchanges, error) {
	spent, err := lru.New[string, struct{}](spentMax)
	return &exchanges{
		underway: map[string]struct{}{}, spent: spent,
		places: newShares(exchangesMax + exchangeWaitersMax), turns: newShares(exchangesMax),
	}, err
}

// take waits for the one turn of a client's sign-in, which is used up once the turn has come. The caller gives the turn back.
func (e *exchanges) take(ctx context.Context, client, state string) (giveBack func(), err error) {
	w, err := e.enter(client, state)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.granted:
	case <-ctx.Done():
		if e.giveUp(w, state) {
			return nil, fmt.Errorf("%w: wait to exchange code: %w", ErrProviderAway, ctx.Err())
		}
	}
	return func() { e.leave(client, state) }, nil
}

// enter takes a place for a sign-in, and the turn as well if it has not to wait.
func (e *exchanges) enter(client, state string) (*waiter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, underway := e.underway[state]; underway || e.spent.Contains(state) {
		return nil, fmt.Errorf("%w: %w", ErrSignInStale, errFlowSpent)
	}
	if !e.places.take(client) {
		if e.places.taken[client] > 0 {
			return nil, ErrTooManySignIns
		}
		return nil, fmt.Errorf("%w: %w", ErrProviderAway, errExchangesFull)
	}
	e.underway[state] = struct{}{}
	w := &waiter{client: client, granted: make(chan struct{})}
	e.waiting = append(e.waiting, w)
	e.grant()
	return w, nil
}

// grant gives the turns that are free to those who wait, the first one first, except to clients that have their share.
func (e *exchanges) grant() {
	e.waiting = slices.DeleteFunc(e.waiting, func(w *waiter) bool {
		granted := e.turns.take(w.client)
		if granted {
			close(w.granted)
		}
		return granted
	})
}

// giveUp gives back the place of who has waited too long, and tells whether it did: the turn may have come meanwhile.
func (e *exchanges) giveUp(w *waiter, state string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.Index(e.waiting, w)
	if at < 0 {
		return false
	}
	e.waiting = slices.Delete(e.waiting, at, at+1)
	delete(e.underway, state)
	e.places.giveBack(w.client)
	return true
}

// leave gives back the turn and the place of a sign-in, which is used up.
func (e *exchanges) leave(client, state string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.underway, state)
	e.spent.Add(state, struct{}{})
	e.places.giveBack(client)
	e.turns.giveBack(client)
	e.grant()
}

// shares divides a number of things among clients. No client gets more of them than it leaves: one alone has the half at most,
// and n that want all of them leave the same again for whoever comes next. Everybody behind a proxy is one client.
type shares struct {
	free  int
	taken map[string]int // by client
}

func newShares(all int) shares { return shares{free: all, taken: map[string]int{}} }

// take takes one for a client, unless that has its share.
func (s *shares) take(client string) bool {
	if s.taken[client] >= s.free {
		return false
	}
	s.free--
	s.taken[client]++
	return true
}

func (s *shares) giveBack(client string) {
	s.free++
	if s.taken[client]--; s.taken[client] == 0 {
		delete(s.taken, client)
	}
}
