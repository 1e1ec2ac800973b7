package broker

import "time"

const (
	// housekeepingTick is how often consumer offsets are saved
	// (flushConsumerOffsetInterval) and dead clients looked for.
	housekeepingTick = 5 * time.Second

	// retentionTick is how often old segments are looked for (cleanResourceInterval).
	retentionTick = 10 * time.Second

	// deliveryTick bounds the sleep of the delivery loop: a clock that is not the
	// real one may move without telling.
	deliveryTick = time.Second
)

// housekeeping saves offsets and forgets clients that are gone.
func (b *Broker) housekeeping() {
	b.every(housekeepingTick, func(now time.Time) {
		b.failures.report("save offsets", b.store.Offsets.Save())
		b.notify(b.groups.expire(now.Add(-clientTimeout)))
		b.locks.expire(now)
	})
}

// deleteOld applies retention.
func (b *Broker) deleteOld() {
	b.every(retentionTick, func(time.Time) { b.failures.report("apply retention", b.store.ApplyRetention()) })
}

// deliverDelayed delivers delayed messages when they are due.
func (b *Broker) deliverDelayed() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-b.store.Delays.Earlier():
		case <-timer.C:
		}
		err := b.store.DeliverDue()
		b.failures.report("deliver delayed messages", err)
		sleep := deliveryTick
		if wait, ok := b.store.Delays.Next(b.nowMs); ok && err == nil {
			sleep = min(sleep, max(time.Duration(wait)*time.Millisecond, time.Millisecond))
		}
		timer.Reset(sleep)
	}
}
