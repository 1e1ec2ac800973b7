package broker

import (
	"sync"
	"time"

	"boxoffice/broker/remoting"
)

// expiryTick is how often held pulls are looked at for their time limit.
const expiryTick = 100 * time.Millisecond

// longpoll holds the pulls that found nothing until something arrives.
//
// A queue on which a message becomes visible is put on the ready list if
// pulls wait for it; a worker then tries those pulls again. The list has each
// queue at most once, so it is bounded however fast messages arrive.
type longpoll struct {
	mu     sync.Mutex
	held   map[*queue]map[*pull]struct{}
	ready  []*queue
	queued map[*queue]struct{} // the queues on ready
	wake   chan struct{}
}

func newLongpoll() *longpoll {
	return &longpoll{
		held: make(map[*queue]map[*pull]struct{}), queued: make(map[*queue]struct{}),
		wake: make(chan struct{}, 1),
	}
}

// hold keeps a pull that found nothing.
func (l *longpoll) hold(p *pull) {
	p.deadline = time.Now().Add(p.suspend)
	p.scanned = p.offset
	l.mu.Lock()
	l.keep(p)
	l.mu.Unlock()
	// What has arrived between the look at the queue and now would wake nobody.
	if _, end := p.queue.bounds(); end != p.offset {
		l.arrived(p.queue)
	}
}

func (l *longpoll) keep(p *pull) {
	waiting := l.held[p.queue]
	if waiting == nil {
		waiting = make(map[*pull]struct{})
		l.held[p.queue] = waiting
	}
	waiting[p] = struct{}{}
}

// arrived says that messages have become visible on a queue. It never blocks.
func (l *longpoll) arrived(q *queue) {
	l.mu.Lock()
	_, queued := l.queued[q]
	if len(l.held[q]) == 0 || queued {
		l.mu.Unlock()
		return
	}
	l.queued[q] = struct{}{}
	l.ready = append(l.ready, q)
	l.mu.Unlock()
	l.signal()
}

func (l *longpoll) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns the pulls of the next ready queue, nil when none is ready.
func (l *longpoll) take() []*pull {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ready) > 0 {
		q := l.ready[0]
		l.ready = l.ready[1:]
		delete(l.queued, q)
		if waiting := l.release(q, func(*pull) bool { return true }); len(waiting) > 0 {
			return waiting
		}
	}
	l.ready = nil
	return nil
}

// release takes the pulls of a queue out that are chosen.
func (l *longpoll) release(q *queue, chosen func(*pull) bool) []*pull {
	var out []*pull
	for p := range l.held[q] {
		if chosen(p) {
			out = append(out, p)
			delete(l.held[q], p)
		}
	}
	if len(l.held[q]) == 0 {
		delete(l.held, q)
	}
	return out
}

// expired takes out the pulls whose time is up.
func (l *longpoll) expired(now time.Time) []*pull {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*pull
	for q := range l.held {
		out = append(out, l.release(q, func(p *pull) bool { return !now.Before(p.deadline) })...)
	}
	return out
}

// drop forgets the pulls of a connection that is gone.
func (l *longpoll) drop(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for q := range l.held {
		for _, p := range l.release(q, func(p *pull) bool { return p.call.conn == c }) {
			p.call.silent()
		}
	}
}

// servePolls answers held pulls until the broker closes.
func (b *Broker) servePolls() {
	defer b.wg.Done()
	tick := time.NewTicker(expiryTick)
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-b.polls.wake:
			for waiting := b.polls.take(); waiting != nil; waiting = b.polls.take() {
				for _, p := range waiting {
					b.retryPull(p)
				}
			}
		case now := <-tick.C:
			for _, p := range b.polls.expired(now) {
				p.finish(b.scan(p, p.offset))
			}
		}
	}
}

// retryPull answers a held pull if there is something for it now, and else
// goes on holding it. What has been looked at and does not match is not
// looked at again.
func (b *Broker) retryPull(p *pull) {
	r := b.scan(p, p.scanned)
	switch {
	case r.code == remoting.PullRetryImmediately && r.next < r.end:
		p.finish(r)
	case r.code == remoting.PullRetryImmediately, r.code == remoting.PullNotFound:
		p.scanned = r.next
		b.polls.mu.Lock()
		b.polls.keep(p)
		b.polls.mu.Unlock()
		if _, end := p.queue.bounds(); end != p.scanned {
			b.polls.arrived(p.queue)
		}
	default:
		p.finish(r)
	}
}
