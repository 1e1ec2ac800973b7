package live

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Watcher is who is told of states.
type Watcher interface {
	Wake()        // there is a newer state; it is called again and again, and must not block
	Close() error // the process stops, or a newer stream takes the place
}

// topic is what one or more streams watch. It keeps the newest state alone: whoever is slow misses those between.
type topic[T comparable] struct {
	id       string
	known    T                        // what the first watcher knew
	state    atomic.Pointer[State[T]] // nil until it is read for the first time
	watchers map[Watcher]struct{}     // under the lock of the topics
}

// publish makes value the newest state, and tells whether it was not before. Only one goroutine calls it.
func (t *topic[T]) publish(value T) bool {
	if newest := t.state.Load(); newest != nil && newest.Value == value {
		return false
	}
	t.state.Store(&State[T]{Value: value})
	return true
}

// topics are those that are watched, by id.
type topics[T comparable] struct {
	mu     sync.Mutex
	byID   map[string]*topic[T]
	closed bool
}

func newTopics[T comparable]() *topics[T] { return &topics[T]{byID: map[string]*topic[T]{}} }

// join adds a watcher to the topic of an id. Once the topics are closed, so is the watcher.
func (t *topics[T]) join(id string, known T, w Watcher) *topic[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	watched, exists := t.byID[id]
	if !exists {
		watched = &topic[T]{id: id, known: known, watchers: map[Watcher]struct{}{}}
		t.byID[id] = watched
	}
	watched.watchers[w] = struct{}{}
	if t.closed {
		_ = w.Close() // its client is gone, or will see that the process is
	}
	return watched
}

// leave removes a watcher. A topic without any is forgotten.
func (t *topics[T]) leave(from *topic[T], w Watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(from.watchers, w)
	if len(from.watchers) == 0 && t.byID[from.id] == from {
		delete(t.byID, from.id)
	}
}

// all returns the topics that are watched now.
func (t *topics[T]) all() []*topic[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]*topic[T], 0, len(t.byID)), maps.Values(t.byID))
}

// find returns the topic of an id, nil when nobody watches it any more.
func (t *topics[T]) find(id string) *topic[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// watchersOf returns who watches a topic now.
func (t *topics[T]) watchersOf(watched *topic[T]) []Watcher {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]Watcher, 0, len(watched.watchers)), maps.Keys(watched.watchers))
}

// close closes all watchers, and those that come later.
func (t *topics[T]) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, watched := range t.byID {
		for w := range watched.watchers {
			_ = w.Close() // see join
		}
	}
}
