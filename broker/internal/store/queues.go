package store

import (
	"sort"
	"sync"
)

// Entry is what a queue knows of one message: where it lies in the log and
// the hash of its tag, so that a filtered pull reads only what it delivers.
type Entry struct {
	Offset int64 // physical offset in the log
	Tag    int32 // Java String.hashCode of the TAGS property, 0 without a tag
}

// Queue is the consume queue of one (topic, queue id): the messages of that
// queue in order, by logical offset. A message gets its logical offset when
// it is appended to the log and becomes visible when it is durable: nothing
// a consumer has seen can vanish in a crash.
type Queue struct {
	Topic string
	ID    int32

	mu      sync.RWMutex
	entries sequence[Entry]
	visible int64 // logical offset up to which messages may be delivered
}

// nextOffset is the logical offset of the next message. Only the log's append
// lock orders the callers of nextOffset and push.
func (q *Queue) nextOffset() int64 {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.entries.next
}

func (q *Queue) push(e Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entries.push(e)
}

// publish makes every message before logical offset end visible.
func (q *Queue) publish(end int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible = max(q.visible, end)
}

// Bounds returns the lowest logical offset kept and the one after the newest
// visible message (RocketMQ's minOffset and maxOffset).
func (q *Queue) Bounds() (lowest, end int64) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.entries.first, q.visible
}

// Window appends to dst at most n visible entries starting at logical offset from.
func (q *Queue) Window(dst []Entry, from int64, n int) []Entry {
	q.mu.RLock()
	defer q.mu.RUnlock()
	end := min(q.visible, from+int64(n))
	for i := max(from, q.entries.first); i < end; i++ {
		dst = append(dst, q.entries.at(i))
	}
	return dst
}

// LowestNotBefore returns the logical offset of the first message whose
// physical offset is at least physical.
func (q *Queue) LowestNotBefore(physical int64) int64 {
	q.mu.RLock()
	defer q.mu.RUnlock()
	first := q.entries.first
	n := sort.Search(int(q.entries.len()), func(i int) bool {
		return q.entries.at(first+int64(i)).Offset >= physical
	})
	return first + int64(n)
}

// trim forgets every message before logical offset n.
func (q *Queue) trim(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entries.trim(n)
}

// startAt is used before replay: the log begins at logical offset n, what was
// before has been deleted by retention.
func (q *Queue) startAt(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entries.reset(n)
	q.visible = n
}

// restore adds a replayed message with the logical offset it was stored with.
// A message before the start was cut by retention and stays forgotten; a gap
// means that the messages before it are gone, so the queue starts after it.
func (q *Queue) restore(logical int64, e Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if logical < q.entries.next {
		return
	}
	if logical > q.entries.next {
		q.entries.reset(logical)
	}
	q.entries.push(e)
	q.visible = q.entries.next
}
