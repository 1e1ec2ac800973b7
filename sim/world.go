package main

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

// world is one history: its time, its dice, and what is still to happen. All of it happens in one goroutine at a time, one event
// after the other or one within another, so that the same seed is the same history.
type world struct {
	seed    uint64
	without map[fault]bool // kinds of faults that are not injected
	start   time.Time
	now     time.Time
	queue   agenda
	seq     int
	random  *rand.Rand // of the event that runs
	event   string     // its key
	ids     int        // made by it
	depth   int
	busy    map[int]bool // processes that are within an event
	openTx  int          // transactions that are open: nothing comes in between while one is
	settled bool         // no more faults: what is left is to come right

	journal   *journal
	faults    map[fault]int // by kind, how many were injected
	events    int
	away      map[string]time.Time // until when a database, the broker or the provider is away
	violation string
	promise   string // which one is broken, whoever it is about
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

const anybody = -1

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

// newWorld makes the world of a seed, whose lines are printed if somebody wants to read them.
func newWorld(seed uint64, without map[fault]bool, trace io.Writer) *world {
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	w := &world{
		seed: seed, without: without, start: start, now: start, busy: map[int]bool{}, faults: map[fault]int{}, away: map[string]time.Time{},
		journal: newJournal(trace),
	}
	w.random = w.dice("world")
	return w
}

// dice are those of a key, whatever else has been thrown.
func (w *world) dice(key string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// note writes a line of the history.
func (w *world) note(format string, args ...any) {
	w.journal.line("%9.3f %s%s", w.now.Sub(w.start).Seconds(), indent(w.depth), fmt.Sprintf(format, args...))
}

func indent(depth int) string { return "        "[:2*min(max(depth-1, 0), 4)] }

// fail ends the history: a promise is broken. The first one counts.
func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation, w.promise = fmt.Sprintf(format, args...), format
		w.note("VIOLATION %s", w.violation)
	}
}

// after has something happen after a delay.
func (w *world) after(delay time.Duration, key string, proc int, do func(ctx context.Context)) {
	w.seq++
	heap.Push(&w.queue, &moment{at: w.now.Add(delay), seq: w.seq, key: key, proc: proc, do: do})
}

// between is a delay from one time to another.
func (w *world) between(from, to time.Duration) time.Duration {
	return from + time.Duration(w.random.Int64N(int64(to-from)/int64(time.Millisecond)+1))*time.Millisecond
}

// chance is true so often of a hundred.
func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

// roll tells whether a fault is to be injected here, and counts it.
func (w *world) roll(f fault) bool {
	if w.settled || w.without[f] || w.random.IntN(1000) >= f.perMille() {
		return false
	}
	w.inject(f)
	return true
}

func (w *world) inject(f fault) {
	w.faults[f]++
	w.note("! %s", f)
}

// isAway tells whether a part is in an outage.
func (w *world) isAway(part string) bool { return !w.settled && w.now.Before(w.away[part]) }

// runUntil lets happen what is due until a time, or until a promise is broken.
func (w *world) runUntil(end time.Time, between func()) {
	for w.violation == "" && len(w.queue) > 0 && !w.queue[0].at.After(end) {
		w.run(heap.Pop(&w.queue).(*moment))
		between()
	}
	if w.violation == "" && w.now.Before(end) {
		w.now = end
	}
}

// run lets one event happen. Time never goes back.
func (w *world) run(e *moment) {
	random, key, ids := w.random, w.event, w.ids
	w.random, w.event, w.ids = w.dice(e.key), e.key, 0
	if e.at.After(w.now) {
		w.now = e.at
	}
	w.depth++
	w.events++
	w.note("%s", e.key)
	if e.proc != anybody {
		w.busy[e.proc] = true
	}
	e.do(context.Background())
	if e.proc != anybody {
		delete(w.busy, e.proc)
	}
	w.depth--
	w.random, w.event, w.ids = random, key, ids
}

// interleave lets another event happen in the middle of this one, where another process, or the world outside, could be faster.
func (w *world) interleave() {
	if w.depth == 0 || w.depth > depthMax || w.openTx > 0 || w.violation != "" || !w.chance(20) {
		return
	}
	var next []*moment
	for _, e := range w.soonest(2 * lookAhead) {
		if !e.at.After(w.now.Add(interleaveFor)) && !w.busy[e.proc] && len(next) < lookAhead {
			next = append(next, e)
		}
	}
	if len(next) == 0 {
		return
	}
	chosen := next[w.random.IntN(len(next))]
	heap.Remove(&w.queue, slices.Index(w.queue, chosen))
	w.run(chosen)
}

// soonest are the first n events of the agenda.
func (w *world) soonest(n int) []*moment {
	var found []*moment
	rest := slices.Clone(w.queue)
	for len(found) < n && len(rest) > 0 {
		found = append(found, heap.Pop(&rest).(*moment))
	}
	return found
}

// newID makes an id that this event makes in every history that has it.
func (w *world) newID(now time.Time) string {
	w.ids++
	return idOf(now, w.dice(fmt.Sprintf("%s #%d", w.event, w.ids)))
}
