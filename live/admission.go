package live

import (
	"errors"
	"sync"
)

// What a stream can be refused for.
var (
	ErrFull     = errors.New("as many streams are open as this process may have")
	ErrTooMany  = errors.New("buyer or network address has as many streams open as one may have")
	ErrStopping = errors.New("process is stopping")
)

// buyersShare is the part of the places that is kept for buyers: whoever looks at a screening needs no name, and a crowd of
// them, or one machine, must not take the places of those who have to pay in time.
const buyersShare = 4

// Caller is who opens a stream. What is empty is not limited.
type Caller struct {
	Buyer   string
	Address string // of the network
}

// admission counts the streams that are open, and refuses those that would be too many.
type admission struct {
	streams, ofBuyer, ofAddress int // at most; 0 of an address is no limit

	mu        sync.Mutex
	closed    bool
	open      int
	anonymous int // of those that are open
	buyers    map[string]int
	addresses map[string]int
	left      sync.WaitGroup
}

// enter counts a stream, or says why it may not be opened.
func (a *admission) enter(c Caller) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ErrStopping
	case a.open >= a.streams, c.Buyer == "" && a.anonymous >= a.streams-a.streams/buyersShare:
		return ErrFull
	case c.Buyer != "" && a.buyers[c.Buyer] >= a.ofBuyer,
		c.Address != "" && a.ofAddress > 0 && a.addresses[c.Address] >= a.ofAddress:
		return ErrTooMany
	}
	a.open++
	if c.Buyer == "" {
		a.anonymous++
	}
	a.left.Add(1)
	count(a.buyers, c.Buyer, 1)
	count(a.addresses, c.Address, 1)
	return nil
}

// exit counts a stream that has ended.
func (a *admission) exit(c Caller) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if c.Buyer == "" {
		a.anonymous--
	}
	a.left.Done()
	count(a.buyers, c.Buyer, -1)
	count(a.addresses, c.Address, -1)
}

// close refuses every stream from now on.
func (a *admission) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
}

func (a *admission) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

// count keeps no callers without streams, so that the map is as large as the streams are many.
func count(of map[string]int, who string, by int) {
	if who == "" {
		return
	}
	if of[who] += by; of[who] == 0 {
		delete(of, who)
	}
}
