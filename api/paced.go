package api

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	pacedKeys    = 64
	pacedAge     = 2 * time.Second  // a reading is at least this old before another
	pacedFactor  = 5                // and this many times as old as it took: so it costs a sixth of one core at most
	pacedWait    = 3 * time.Second  // for a reading, by who asks; then the last one will do
	pacedTimeout = 60 * time.Second // of a reading
)

// paced answers from costly readings of the databases: all who ask for a key share one, and one runs at a time. It is
// renewed when somebody asks and the last one is old enough for what it cost. Nobody who asks waits long.
type paced[T any] struct {
	read     func(ctx context.Context, key string) (T, error)
	wait     time.Duration
	one      chan struct{} // of size 1: who holds it reads
	mu       sync.Mutex
	readings *lru.Cache[string, *pacedReading[T]]
}

// pacedReading is what is known of one key. The cache's lock guards it.
type pacedReading[T any] struct {
	value   T
	err     error     // of the last reading that failed, if none came after it
	readAt  time.Time // zero: value was never read
	ended   time.Time
	cost    time.Duration
	running chan struct{} // closed when the reading under way has ended; nil when there is none
}

func newPaced[T any](read func(ctx context.Context, key string) (T, error)) (*paced[T], error) {
	readings, err := lru.New[string, *pacedReading[T]](pacedKeys)
	return &paced[T]{read: read, wait: pacedWait, one: make(chan struct{}, 1), readings: readings}, err
}

// get returns the latest reading of a key and its age; known is false when the first one takes longer than callers wait.
func (p *paced[T]) get(ctx context.Context, key string) (value T, age time.Duration, known bool, err error) {
	reading, running := p.begin(ctx, key)
	if running != nil {
		patience := time.NewTimer(p.wait)
		defer patience.Stop()
		select {
		case <-running:
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if reading.readAt.IsZero() {
		return value, 0, false, reading.err
	}
	return reading.value, time.Since(reading.readAt), true, nil
}

// begin returns what is known of a key, and the reading that is under way; nil when what is known is good enough.
func (p *paced[T]) begin(ctx context.Context, key string) (*pacedReading[T], <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reading, exists := p.readings.Get(key)
	if !exists {
		reading = &pacedReading[T]{}
		p.readings.Add(key, reading)
	}
	if reading.running != nil {
		return reading, reading.running
	}
	if !reading.readAt.IsZero() && time.Since(reading.ended) < max(pacedAge, pacedFactor*reading.cost) {
		return reading, nil
	}
	reading.running = make(chan struct{})
	go p.run(context.WithoutCancel(ctx), key, reading)
	return reading, reading.running
}

// run reads, when no other reading does.
func (p *paced[T]) run(ctx context.Context, key string, reading *pacedReading[T]) {
	ctx, cancel := context.WithTimeout(ctx, pacedTimeout)
	defer cancel()
	p.one <- struct{}{}
	began := time.Now()
	value, err := p.read(ctx, key)
	<-p.one
	p.mu.Lock()
	defer p.mu.Unlock()
	reading.err, reading.ended, reading.cost = err, time.Now(), time.Since(began)
	if err == nil {
		reading.value, reading.readAt = value, began
	}
	close(reading.running)
	reading.running = nil
}
