package broker

import (
	"slices"
	"sync"
)

// half is a half message whose transaction is still open.
type half struct {
	offset      int64 // physical offset in the log
	queueOffset int64 // logical offset in the half topic
	stored      int64 // store time, Unix ms of the broker's clock
	immunity    int64 // ms before the first check; 0 means the broker's transaction timeout
	checks      int32 // check-backs already made
}

// halves is the set of open half messages. A half enters when it is durable
// and leaves when its commit, rollback or discard is appended.
type halves struct {
	mu   sync.Mutex
	open map[int64]half
}

func newHalves() *halves { return &halves{open: make(map[int64]half)} }

func (h *halves) add(one half) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[one.offset] = one
}

// find returns the open half at a physical offset.
func (h *halves) find(offset int64) (half, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.open[offset]
	return one, ok
}

// finish takes the half out and reports whether it was still open.
func (h *halves) finish(offset int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.open[offset]
	delete(h.open, offset)
	return ok
}

// checked records the number of check-backs of an open half.
func (h *halves) checked(offset int64, checks int32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.open[offset]
	if !ok {
		return false
	}
	one.checks = checks
	h.open[offset] = one
	return true
}

// due returns the halves to check now, oldest first. A half stored in the
// future (the clock was set back) is due at once, as in
// TransactionalMessageServiceImpl.check. As in delays.head, the clock is read
// under the lock so that a half added meanwhile is not taken for one.
func (h *halves) due(clock func() int64, timeout int64) []half {
	h.mu.Lock()
	now := clock()
	var list []half
	for _, one := range h.open {
		wait := timeout
		if one.immunity > 0 {
			wait = one.immunity
		}
		if age := now - one.stored; age < -clockSlack || age >= wait {
			list = append(list, one)
		}
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b half) int { return int(a.queueOffset - b.queueOffset) })
	return list
}

// all returns every open half, oldest first.
func (h *halves) all() []half {
	h.mu.Lock()
	list := make([]half, 0, len(h.open))
	for _, one := range h.open {
		list = append(list, one)
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b half) int { return int(a.queueOffset - b.queueOffset) })
	return list
}

// oldest returns the lowest physical offset of an open half.
func (h *halves) oldest() (offset int64, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for o := range h.open {
		if !found || o < offset {
			offset, found = o, true
		}
	}
	return offset, found
}
