package live

import (
	"errors"
	"io"
	"slices"
	"sync"
)

// What a stream can be refused for.
var (
	ErrFull     = errors.New("as many streams are open as this process may have")
	ErrTooMany  = errors.New("network address has as many streams open as one may have")
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

// admission counts the streams that are open, and refuses those that would be too many. A buyer who has as many as one may
// have is not refused: the newest takes the place of the oldest, whose client may have gone without a word.
type admission struct {
	streams, ofBuyer, ofAddress int // at most; 0 of an address is no limit

	mu        sync.Mutex
	closed    bool
	open      int
	anonymous int                 // of those that are open
	buyers    map[string][]*entry // the oldest first
	addresses map[string]int
	left      sync.WaitGroup
}

// entry is one stream to its admission, whose lock guards it.
type entry struct {
	Caller
	over   bool      // it is not counted any more
	stream io.Closer // nil while it has not begun
}

// enter counts a stream, or says why it may not be opened.
func (a *admission) enter(c Caller) (*entry, error) {
	entered, ended, err := a.admit(c)
	if ended != nil {
		_ = ended.Close() // its client is gone, or comes back by itself
	}
	return entered, err
}

// admit is enter, but for the end of the stream whose place is taken. That is nil if none is, or it has not begun.
func (a *admission) admit(c Caller) (entered *entry, ended io.Closer, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var oldest *entry // whose place it takes; nil while the buyer may have more
	if of := a.buyers[c.Buyer]; len(of) > 0 && len(of) >= a.ofBuyer {
		oldest = of[0]
	}
	if err := a.refusal(c, oldest); err != nil {
		return nil, nil, err
	}
	if oldest != nil {
		a.forget(oldest)
		ended = oldest.stream
	}
	entered = &entry{Caller: c}
	a.count(entered)
	a.left.Add(1)
	return entered, ended, nil
}

// refusal says why a stream may not be opened, also in place of the oldest of its buyer if that is not nil.
func (a *admission) refusal(c Caller, oldest *entry) error {
	open, ofAddress := a.open, a.addresses[c.Address]
	if oldest != nil {
		open--
		if oldest.Address == c.Address {
			ofAddress--
		}
	}
	switch {
	case a.closed:
		return ErrStopping
	case open >= a.streams, c.Buyer == "" && a.anonymous >= a.streams-a.streams/buyersShare:
		return ErrFull
	case c.Address != "" && a.ofAddress > 0 && ofAddress >= a.ofAddress:
		return ErrTooMany
	}
	return nil
}

// begin notes the stream of an entry, and ends it if its place was taken meanwhile.
func (a *admission) begin(e *entry, stream io.Closer) {
	a.mu.Lock()
	e.stream = stream
	over := e.over
	a.mu.Unlock()
	if over {
		_ = stream.Close() // see enter
	}
}

// exit counts a stream that has ended. It is called once for each.
func (a *admission) exit(e *entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(e)
	a.left.Done()
}

func (a *admission) count(e *entry) {
	a.open++
	if e.Buyer == "" {
		a.anonymous++
	} else {
		a.buyers[e.Buyer] = append(a.buyers[e.Buyer], e)
	}
	if e.Address != "" {
		a.addresses[e.Address]++
	}
}

// forget undoes count, once. It keeps no callers without streams, so that the maps are as large as the streams are many.
func (a *admission) forget(e *entry) {
	if e.over {
		return
	}
	e.over = true
	a.open--
	if e.Buyer == "" {
		a.anonymous--
	} else {
		a.buyers[e.Buyer] = slices.DeleteFunc(a.buyers[e.Buyer], func(other *entry) bool { return other == e })
		if len(a.buyers[e.Buyer]) == 0 {
			delete(a.buyers, e.Buyer)
		}
	}
	if e.Address == "" {
		return
	}
	if a.addresses[e.Address]--; a.addresses[e.Address] == 0 {
		delete(a.addresses, e.Address)
	}
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
