package simulator

import (
	"errors"
	"sync"
)

// suspendedCalls are refused of a refund that was carried out: the office's next try, and its question whether that one is known.
const suspendedCalls = 2

// errSuspended is no word of the refund: the merchant may do nothing now, not even ask.
var errSuspended = errors.New("the merchant's permission is suspended")

// suspensions are the refunds whose next calls are refused, although they are carried out: to the office, which has got no answer
// to the first one, it may look as if they never were. There are no more than refunds in the ledger.
type suspensions struct {
	mu   sync.Mutex
	left map[string]int // calls, by the key of the refund
}

// suspend has the next calls for a refund refused.
func (s *suspensions) suspend(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == nil {
		s.left = map[string]int{}
	}
	s.left[key] = suspendedCalls
}

// refuses tells whether this call for a refund is refused.
func (s *suspensions) refuses(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left[key] == 0 {
		return false
	}
	s.left[key]--
	return true
}
