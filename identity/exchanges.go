package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	exchangesMax       = 64      // at a time
	exchangeWaitersMax = 512     // beside them; whoever comes then is refused at once
	spentMax           = 1 << 14 // of sign-ins that are remembered to be used up
)

// How an exchange is not begun.
var (
	errExchangesFull = errors.New("too many sign-ins wait for the identity provider")
	errFlowSpent     = errors.New("this sign-in was finished before, or is being finished")
)

// exchanges bounds what the identity provider is asked for the sake of sign-ins. Each sign-in asks it once, so that whoever
// has begun one can neither take the turns of others nor have the provider asked again and again.
type exchanges struct {
	turns chan struct{}

	mu       sync.Mutex
	underway map[string]struct{} // the states of sign-ins that wait for a turn or have one
	spent    *lru.Cache[string, struct{}]
}

func newExchanges() (*exchanges, error) {
	spent, err := lru.New[string, struct{}](spentMax)
	return &exchanges{turns: make(chan struct{}, exchangesMax), underway: map[string]struct{}{}, spent: spent}, err
}

// take waits for the one turn of a sign-in, which is used up once the turn has come. The caller gives the turn back.
func (e *exchanges) take(ctx context.Context, state string) (giveBack func(), err error) {
	if err := e.enter(state); err != nil {
		return nil, err
	}
	select {
	case e.turns <- struct{}{}:
		return func() {
			<-e.turns
			e.leave(state, true)
		}, nil
	case <-ctx.Done():
		e.leave(state, false)
		return nil, fmt.Errorf("%w: wait to exchange code: %w", ErrProviderAway, ctx.Err())
	}
}

func (e *exchanges) enter(state string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, underway := e.underway[state]; underway || e.spent.Contains(state) {
		return fmt.Errorf("%w: %w", ErrSignInStale, errFlowSpent)
	}
	if len(e.underway) >= exchangesMax+exchangeWaitersMax {
		return fmt.Errorf("%w: %w", ErrProviderAway, errExchangesFull)
	}
	e.underway[state] = struct{}{}
	return nil
}

func (e *exchanges) leave(state string, spent bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.underway, state)
	if spent {
		e.spent.Add(state, struct{}{})
	}
}
