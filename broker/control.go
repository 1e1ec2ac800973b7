package broker

import (
	"time"
)

// Intercept shows f every request of one code before it is handled, and does
// what f decides. Interceptors of one code are asked in the order in which
// they were installed until one does not answer Pass. f runs on the
// connection's goroutine and must be safe for concurrent use. remove takes
// the interceptor out again.
func (b *Broker) Intercept(code int, f func(*Request) Verdict) (remove func()) {
	return b.hooks.install(code, f)
}

// DeliverTwice makes every pull carry each of its messages two times: first
// all of them, then all of them again. A pull of more than 4 MiB is left as it is.
func (b *Broker) DeliverTwice(on bool) { b.deliverTwice.Store(on) }

// DropConnections closes every connection, as a network failure would.
// Clients may connect again at once.
func (b *Broker) DropConnections() { b.conns.CloseAll() }

// Advance moves the broker's clock forward and returns when what fell due is
// done: delayed messages that are due can be pulled, one check-back pass has
// been made if the check interval has passed (one pass, however many intervals
// d covers, so that no half message is given up without its producer having
// been asked in between), and retention has run. Long polling, liveness of
// clients and queue locks use real time and do not notice.
func (b *Broker) Advance(d time.Duration) {
	b.advanced.Add(int64(max(d, 0)))
	b.failures.report("deliver delayed messages", b.store.DeliverDue())
	b.failures.report("check transactions", b.checkIfDue())
	b.failures.report("apply retention", b.store.ApplyRetention())
	b.store.Delays.Wake()
}

// CheckNow makes one check-back pass regardless of the check interval. Half
// messages younger than the transaction timeout (or than their own
// CHECK_IMMUNITY_TIME_IN_SECONDS) are still left alone: Advance past it first.
func (b *Broker) CheckNow() {
	b.failures.report("check transactions", b.checkPass())
}
