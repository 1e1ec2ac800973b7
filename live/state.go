package live

import (
	"sync"
	"time"
)

// Event is a state as it is sent.
type Event struct {
	ID   string // the same in all processes as long as what is shown is the same
	Text []byte // shared by all who send it: nobody may change it

	// Short is the same without what hardly ever changes, for whoever has that already, and Rest is the same as long as that
	// is. Short is nil where nothing is left out.
	Short []byte
	Rest  string
}

// sharedFor is how long an encoded state is used for others. It says when it was encoded, so it cannot be kept for ever.
const sharedFor = 100 * time.Millisecond

// State is one state of what is watched. All its watchers have the same one.
type State[T any] struct {
	Value T

	mu    sync.Mutex
	at    time.Time
	event Event
}

// Event returns what encode makes of the state. Watchers who ask at about the same time share the result: ten thousand
// watchers of a screening need one encoding.
func (s *State[T]) Event(now time.Time, encode func(T, time.Time) (Event, error)) (Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.at); s.event.Text != nil && age >= 0 && age < sharedFor {
		return s.event, nil
	}
	event, err := encode(s.Value, now)
	if err != nil {
		return Event{}, err
	}
	s.event, s.at = event, now
	return event, nil
}
