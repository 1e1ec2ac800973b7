package broker

import (
	"strconv"
	"sync"
	"time"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// longpoll holds the pulls that found nothing until something arrives.
//
// A queue on which a message becomes visible is put on the ready list if
// pulls wait for it; a worker then tries those pulls again. The list has each
// queue at most once, so it is bounded however fast messages arrive.
type longpoll struct {
	mu     sync.Mutex
	held   map[*store.Queue]map[*pull]struct{}
	ready  []*store.Queue
	queued map[*store.Queue]struct{} // the queues on ready
	wake   chan struct{}
}

func newLongpoll() *longpoll {
	return &longpoll{
		held: make(map[*store.Queue]map[*pull]struct{}), queued: make(map[*store.Queue]struct{}),
		wake: make(chan struct{}, 1),
	}
}

// hold keeps a pull that found nothing before scanned.
func (l *longpoll) hold(p *pull, scanned int64) {
	p.scanned = scanned
	l.add(p)
	// What has arrived between the look at the queue and now would wake nobody.
	if _, end := p.queue.Bounds(); end != scanned {
		l.arrived(p.queue)
	}
}

func (l *longpoll) add(p *pull) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.held[p.queue]
	if waiting == nil {
		waiting = make(map[*pull]struct{})
		l.held[p.queue] = waiting
	}
	waiting[p] = struct{}{}
}

// arrived says that messages have become visible on a queue. It never blocks.
func (l *longpoll) arrived(q *store.Queue) {
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
func (l *longpoll) release(q *store.Queue, chosen func(*pull) bool) []*pull {
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
func (l *longpoll) drop(c *transport.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for q := range l.held {
		for _, p := range l.release(q, func(p *pull) bool { return p.call.Conn == c }) {
			p.call.Silent()
		}
	}
}

// pull is one pull request.
type pull struct {
	call    *transport.Call
	queue   *store.Queue
	group   string
	offset  int64
	count   int
	commit  int64 // offset to commit, -1 for none
	filter  remoting.Tags
	suspend time.Duration // 0: answer at once

	deadline time.Time // while held
	scanned  int64     // while held: nothing before this offset matches
}

// pulled is the outcome of a scan.
type pulled struct {
	code        int
	next        int64
	lowest, end int64
	body        []byte
	remark      string
}

// finish answers the pull.
func (p *pull) finish(r pulled) {
	f := p.call.Frame.Reply(r.code, r.remark)
	f.Ext["nextBeginOffset"] = strconv.FormatInt(r.next, 10)
	f.Ext["minOffset"] = strconv.FormatInt(r.lowest, 10)
	f.Ext["maxOffset"] = strconv.FormatInt(r.end, 10)
	f.Ext["suggestWhichBrokerId"] = "0"
	f.Ext["topicSysFlag"] = "0"
	f.Ext["groupSysFlag"] = "0"
	f.Body = r.body
	p.call.Answer(f)
}
