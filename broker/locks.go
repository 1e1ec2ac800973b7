package broker

import (
	"sync"
	"time"
)

// lockLease is how long an orderly consumer owns a queue without renewing it
// (RebalanceLockManager.REBALANCE_LOCK_MAX_LIVE_TIME), in real time.
const lockLease = 60 * time.Second

const maxLocks = 100_000

// queueName is a message queue as the lock requests spell it.
type queueName struct {
	Topic      string `json:"topic"`
	BrokerName string `json:"brokerName"`
	QueueID    int32  `json:"queueId"`
}

type lockKey struct {
	group string
	queue queueName
}

type lock struct {
	client string
	until  time.Time
}

// locks says which client of a group may consume a queue in order.
type locks struct {
	mu   sync.Mutex
	held map[lockKey]lock
}

func newLocks() *locks { return &locks{held: make(map[lockKey]lock)} }

// acquire returns those queues that the client owns afterwards.
func (l *locks) acquire(group, client string, queues []queueName) []queueName {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	owned := make([]queueName, 0, len(queues))
	for _, q := range queues {
		key := lockKey{group, q}
		old, ok := l.held[key]
		if ok && old.client != client && now.Before(old.until) || !ok && len(l.held) >= maxLocks {
			continue
		}
		l.held[key] = lock{client, now.Add(lockLease)}
		owned = append(owned, q)
	}
	return owned
}

func (l *locks) release(group, client string, queues []queueName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range queues {
		key := lockKey{group, q}
		if l.held[key].client == client {
			delete(l.held, key)
		}
	}
}

// expire forgets the locks whose lease has run out.
func (l *locks) expire(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, one := range l.held {
		if now.After(one.until) {
			delete(l.held, key)
		}
	}
}

// anyHeld reports whether a group holds a lock that has not expired
// (RebalanceLockManager.isLockAllExpired, negated).
func (l *locks) anyHeld(group string) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, one := range l.held {
		if key.group == group && now.Before(one.until) {
			return true
		}
	}
	return false
}
