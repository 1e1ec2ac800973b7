// Package batch turns concurrent calls into lists: whatever arrived while the previous list was being handled goes out
// as the next one. There is no timer, so a lone call is handled at once and lists grow only with the load. A second list
// joins the one in flight only when it is full: two half-full ones would cost the same twice. It is how purchases and
// payments share one message, one SQL transaction and one fsync.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// ErrFull says that more calls came than are handled: the queue is at its bound, or the call has waited in it for too
// long. The caller should be told to come back.
var ErrFull = errors.New("batch queue is full")

// ErrClosed says that the group no longer takes calls.
var ErrClosed = errors.New("batch group is closed")

// ErrUnanswered is what a caller gets when the handler left its call without an answer, or has panicked: what became of the
// call is not known.
var ErrUnanswered = errors.New("batch handler gave no answer")

// Options bounds a Group. Every field but Log is required.
type Options struct {
	Max     int           // calls in one list
	Workers int           // lists in flight at once, when the load fills them
	Queue   int           // calls that may wait
	Wait    time.Duration // of a call for its list; then it is told ErrFull
	Timeout time.Duration // of one list
	Log     *slog.Logger  // gets the panics of the handler
}

// Call is one caller's request, waiting for its answer.
type Call[In, Out any] struct {
	In   In
	Came time.Time       // when Do was called
	ctx  context.Context // the caller's, to pass over those who have gone
	done chan answer[Out]
}

// NewCall is a call that waits in no queue, for whoever hands a handler its list himself.
func NewCall[In, Out any](ctx context.Context, in In) *Call[In, Out] {
	return &Call[In, Out]{In: in, Came: time.Now(), ctx: ctx, done: make(chan answer[Out], 1)}
}

// Answered returns the answer that the handler of a list has given before it returned, or ErrUnanswered.
func (c *Call[In, Out]) Answered() (Out, error) {
	select {
	case a := <-c.done:
		return a.out, a.err
	default:
		var none Out
		return none, ErrUnanswered
	}
}

type answer[Out any] struct {
	out Out
	err error
}

// Answer releases the caller. Only the first answer counts.
func (c *Call[In, Out]) Answer(out Out, err error) {
	select {
	case c.done <- answer[Out]{out, err}:
	default:
	}
}

// Context is the caller's own, for what belongs to that one call (its trace, its deadline).
func (c *Call[In, Out]) Context() context.Context { return c.ctx }

// Group collects calls. Make one with Start, end it with Close.
type Group[In, Out any] struct {
	opts     Options
	queue    chan *Call[In, Out]
	full     chan struct{} // a list's worth of calls waits
	finished chan struct{} // a list has been handled
	mu       sync.RWMutex  // held for writing only by Close, so that nobody sends on a closed queue
	closed   bool
	done     sync.WaitGroup
}

// Start begins handling. handle gets 1 to Max calls, whose callers were still waiting, and answers each of them, in any
// order, before it returns. Its context is ctx with Options.Timeout.
func Start[In, Out any](ctx context.Context, opts Options, handle func(context.Context, []*Call[In, Out])) *Group[In, Out] {
	g := &Group[In, Out]{
		opts: opts, queue: make(chan *Call[In, Out], opts.Queue),
		full: make(chan struct{}, 1), finished: make(chan struct{}, opts.Workers),
	}
	g.done.Go(func() { g.dispatch(ctx, handle) })
	return g
}

// Do hands in one call and waits for its answer. It returns ErrFull or ErrClosed when the call was not taken; when ctx
// ends first it returns ctx.Err() and the outcome of the call is not known to this caller.
func (g *Group[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	call := NewCall[In, Out](ctx, in)
	if err := g.enqueue(call); err != nil {
		var none Out
		return none, err
	}
	select {
	case a := <-call.done:
		return a.out, a.err
	case <-ctx.Done():
		var none Out
		return none, ctx.Err()
	}
}

// Waiting is the number of calls in the queue.
func (g *Group[In, Out]) Waiting() int { return len(g.queue) }

// Close takes no more calls, handles those that were taken, and returns when the last list is done.
func (g *Group[In, Out]) Close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	g.done.Wait()
}

func (g *Group[In, Out]) enqueue(call *Call[In, Out]) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrClosed
	}
	select {
	case g.queue <- call:
		if len(g.queue) >= g.opts.Max {
			select {
			case g.full <- struct{}{}:
			default:
			}
		}
		return nil
	default:
		return ErrFull
	}
}

// dispatch sends lists on their way until the queue is closed and empty, and returns when the last one is handled.
func (g *Group[In, Out]) dispatch(ctx context.Context, handle func(context.Context, []*Call[In, Out])) {
	inFlight := 0
	for {
		for inFlight > 0 && (inFlight == g.opts.Workers || len(g.queue) < g.opts.Max) {
			select {
			case <-g.finished:
				inFlight--
			case <-g.full: // perhaps long ago: the condition decides
			}
		}
		first, open := <-g.queue
		if !open {
			return
		}
		runtime.Gosched() // whoever is about to call joins this list, at the cost of a microsecond
		list := g.collect(first)
		if len(list) == 0 {
			continue
		}
		inFlight++
		g.done.Go(func() {
			g.handle(ctx, list, handle)
			g.finished <- struct{}{}
		})
	}
}

// collect makes a list of the first call and what is already waiting, without waiting for more. It drops calls whose caller
// has gone, and refuses those that have waited for too long: their answer could come after their caller's patience.
func (g *Group[In, Out]) collect(first *Call[In, Out]) []*Call[In, Out] {
	list := make([]*Call[In, Out], 0, min(len(g.queue)+1, g.opts.Max))
	if g.isWanted(first) {
		list = append(list, first)
	}
	for len(list) < g.opts.Max {
		select {
		case call, open := <-g.queue:
			if !open {
				return list
			}
			if g.isWanted(call) {
				list = append(list, call)
			}
		default:
			return list
		}
	}
	return list
}

func (g *Group[In, Out]) isWanted(call *Call[In, Out]) bool {
	if time.Since(call.Came) > g.opts.Wait {
		var none Out
		call.Answer(none, ErrFull)
		return false
	}
	return call.ctx.Err() == nil
}

func (g *Group[In, Out]) handle(ctx context.Context, list []*Call[In, Out], handle func(context.Context, []*Call[In, Out])) {
	ctx, cancel := context.WithTimeout(ctx, g.opts.Timeout)
	defer cancel()
	err := g.call(ctx, list, handle)
	for _, call := range list {
		var none Out
		call.Answer(none, err)
	}
}

// call calls the handler, and returns the error of those calls that it has left without an answer. A panic is the error of
// its list alone: it must not end the process, and everybody else's calls with it.
func (g *Group[In, Out]) call(ctx context.Context, list []*Call[In, Out], handle func(context.Context, []*Call[In, Out])) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: it panicked", ErrUnanswered)
			if g.opts.Log != nil {
				g.opts.Log.ErrorContext(ctx, "a list of calls panicked", "calls", len(list),
					"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			}
		}
	}()
	handle(ctx, list)
	return ErrUnanswered
}
