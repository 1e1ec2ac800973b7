package broker

import (
	"time"

	"boxoffice/broker/remoting"
)

// expiryTick is how often held pulls are looked at for their time limit.
const expiryTick = 100 * time.Millisecond

// servePolls answers held pulls until the broker closes.
func (b *Broker) servePolls() {
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
		b.polls.hold(p, r.next)
	default:
		p.finish(r)
	}
}
