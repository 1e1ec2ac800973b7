package simulator

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// longWait is the pause of an agenda with nothing to do.
const longWait = time.Hour

// task is work for later.
type task struct {
	due    time.Time
	number uint64 // orders tasks of one time
	do     func(context.Context)
}

// tasks is a heap with the next task on top.
type tasks []task

func (t tasks) Len() int { return len(t) }
func (t tasks) Less(i, j int) bool {
	if t[i].due.Equal(t[j].due) {
		return t[i].number < t[j].number
	}
	return t[i].due.Before(t[j].due)
}
func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any)   { *t = append(*t, x.(task)) }
func (t *tasks) Pop() any {
	last := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = task{}
	*t = (*t)[:len(*t)-1]
	return last
}

// agenda does work at its time: late payments, deliveries, and what is tried again. It holds a bounded number of tasks,
// does a bounded number at once, and forgets the rest when it is closed. Its clock is the machine's.
type agenda struct {
	limit  int
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	tasks  tasks
	number uint64
	open   int // tasks that wait or are being done
	closed bool
}

// newAgenda starts an agenda for up to limit tasks, of which up to slots are done at once.
func newAgenda(limit, slots int) *agenda {
	ctx, cancel := context.WithCancel(context.Background())
	a := &agenda{limit: limit, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go a.run(ctx, slots)
	return a
}

// add puts a task on the agenda, and tells whether there was room for it.
func (a *agenda) add(after time.Duration, do func(context.Context)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.open >= a.limit {
		return false
	}
	a.number++
	a.open++
	heap.Push(&a.tasks, task{time.Now().Add(after), a.number, do})
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return true
}

// waiting returns how many tasks are not done.
func (a *agenda) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

// close ends the agenda: no task begins any more, and those that run are cancelled and waited for, within patience.
func (a *agenda) close(patience time.Duration) {
	a.mu.Lock()
	a.closed = true
	a.open -= len(a.tasks)
	a.tasks = nil
	a.mu.Unlock()
	a.cancel()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
	}
}

// run does the tasks until ctx ends.
func (a *agenda) run(ctx context.Context, slots int) {
	var running sync.WaitGroup
	defer close(a.done)
	defer running.Wait()
	free := make(chan struct{}, slots)
	timer := time.NewTimer(longWait)
	defer timer.Stop()
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		do, wait := a.next()
		if do != nil {
			running.Go(func() {
				defer func() { <-free }()
				defer a.finish()
				do(ctx)
			})
			continue
		}
		<-free
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-a.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes the next task if it is due, and otherwise says how long it has time.
func (a *agenda) next() (do func(context.Context), wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.tasks) == 0 {
		return nil, longWait
	}
	if wait := time.Until(a.tasks[0].due); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&a.tasks).(task).do, 0
}

func (a *agenda) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
}
