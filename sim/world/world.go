// Package world is what an office lives in when it is simulated: a time that events move on, dice that come of a seed, faults, a
// message queue with the semantics of RocketMQ on its worst day, and a payment provider that knows the truth about money.
package world

import (
	"container/heap"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	depthMax      = 2               // events within events
	lookAhead     = 4               // events of which one may come in between
	interleaveFor = 5 * time.Second // how far an event that comes in between may move the time on
)

// World is one history: its time, its dice, and what is still to happen. All of it happens in one goroutine at a time, one event
// after the other or one within another, so that the same seed is the same history.
type World struct {
	seed    uint64
	Without map[Fault]bool // kinds of faults that are not injected
	Start   time.Time
	Now     time.Time
	queue   agenda
	seq     int
	Random  *rand.Rand // of the event that runs
	Event   string     // its key
	ids     int        // made by it
	depth   int
	Busy    map[int]bool // processes that are within an event
	OpenTx  int          // transactions that are open: nothing comes in between while one is
	Settled bool         // no more faults: what is left is to come right

	journal   *journal
	Faults    map[Fault]int // by kind, how many were injected
	Events    int
	Away      map[string]time.Time // until when a database, the broker or the provider is away
	Violation string
	Promise   string // which one is broken, whoever it is about
}

// moment is something that happens at a time. Its key is the same in every history that has it, also when other events have been
// left out: its dice come of the key.
type moment struct {
	at   time.Time
	seq  int
	key  string
	proc int // of whom it is; anybody for who comes from outside, or is whoever has time
	do   func(ctx context.Context)
}

// Anybody is of whom an event is that comes from outside, or is for whoever has time.
const Anybody = -1

// agenda is a heap of events by time.
type agenda []*moment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(*moment)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	*a = (*a)[:last]
	return e
}

// New makes the world of a seed, whose lines are printed if somebody wants to read them.
func New(seed uint64, without map[Fault]bool, trace io.Writer) *World {
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	w := &World{
		seed: seed, Without: without, Start: start, Now: start, Busy: map[int]bool{}, Faults: map[Fault]int{}, Away: map[string]time.Time{},
		journal: newJournal(trace),
	}
	w.Random = w.Dice("world")
	return w
}

// Dice are those of a key, whatever else has been thrown.
func (w *World) Dice(key string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// Note writes a line of the history.
func (w *World) Note(format string, args ...any) {
	w.journal.line("%9.3f %s%s", w.Now.Sub(w.Start).Seconds(), indent(w.depth), fmt.Sprintf(format, args...))
}

func indent(depth int) string { return "        "[:2*min(max(depth-1, 0), 4)] }

// Hash is the same for the same history.
func (w *World) Hash() string { return w.journal.sum() }

// Fail ends the history: a promise is broken. The first one counts.
func (w *World) Fail(format string, args ...any) {
	if w.Violation == "" {
		w.Violation, w.Promise = fmt.Sprintf(format, args...), format
		w.Note("VIOLATION %s", w.Violation)
	}
}

// After has something happen after a delay.
func (w *World) After(delay time.Duration, key string, proc int, do func(ctx context.Context)) {
	w.seq++
	heap.Push(&w.queue, &moment{at: w.Now.Add(delay), seq: w.seq, key: key, proc: proc, do: do})
}

// Between is a delay from one time to another.
func (w *World) Between(from, to time.Duration) time.Duration {
	return from + time.Duration(w.Random.Int64N(int64(to-from)/int64(time.Millisecond)+1))*time.Millisecond
}

// Chance is true so often of a hundred.
func (w *World) Chance(percent int) bool { return w.Random.IntN(100) < percent }

// Roll tells whether a fault is to be injected here, and counts it.
func (w *World) Roll(f Fault) bool {
	if w.Settled || w.Without[f] || w.Random.IntN(1000) >= f.perMille() {
		return false
	}
	w.Inject(f)
	return true
}

// Inject counts a fault that happens.
func (w *World) Inject(f Fault) {
	w.Faults[f]++
	w.Note("! %s", f)
}

// IsAway tells whether a part is in an outage.
func (w *World) IsAway(part string) bool { return !w.Settled && w.Now.Before(w.Away[part]) }

// RunUntil lets happen what is due until a time, or until a promise is broken.
func (w *World) RunUntil(end time.Time, between func()) {
	for w.Violation == "" && len(w.queue) > 0 && !w.queue[0].at.After(end) {
		w.run(heap.Pop(&w.queue).(*moment))
		between()
	}
	if w.Violation == "" && w.Now.Before(end) {
		w.Now = end
	}
}

// run lets one event happen. Time never goes back.
func (w *World) run(e *moment) {
	random, key, ids := w.Random, w.Event, w.ids
	w.Random, w.Event, w.ids = w.Dice(e.key), e.key, 0
	if e.at.After(w.Now) {
		w.Now = e.at
	}
	w.depth++
	w.Events++
	w.Note("%s", e.key)
	if e.proc != Anybody {
		w.Busy[e.proc] = true
	}
	e.do(context.Background())
	if e.proc != Anybody {
		delete(w.Busy, e.proc)
	}
	w.depth--
	w.Random, w.Event, w.ids = random, key, ids
}

// Interleave lets another event happen in the middle of this one, where another process, or the world outside, could be faster.
func (w *World) Interleave() {
	if w.depth == 0 || w.depth > depthMax || w.OpenTx > 0 || w.Violation != "" || !w.Chance(20) {
		return
	}
	var next []*moment
	for _, e := range w.soonest(2 * lookAhead) {
		if !e.at.After(w.Now.Add(interleaveFor)) && !w.Busy[e.proc] && len(next) < lookAhead {
			next = append(next, e)
		}
	}
	if len(next) == 0 {
		return
	}
	chosen := next[w.Random.IntN(len(next))]
	heap.Remove(&w.queue, slices.Index(w.queue, chosen))
	w.run(chosen)
}

// soonest are the first n events of the agenda.
func (w *World) soonest(n int) []*moment {
	var found []*moment
	rest := slices.Clone(w.queue)
	for len(found) < n && len(rest) > 0 {
		found = append(found, heap.Pop(&rest).(*moment))
	}
	return found
}

// NewID makes an id that this event makes in every history that has it.
func (w *World) NewID(now time.Time) string {
	w.ids++
	return idOf(now, w.Dice(fmt.Sprintf("%s #%d", w.Event, w.ids)))
}
