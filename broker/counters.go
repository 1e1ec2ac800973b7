package broker

import (
	"sync/atomic"
)

// countedCodes is the number of request codes that are counted one by one;
// higher ones share the last counter.
const countedCodes = 512

// counters are the requests received, by request code.
type counters [countedCodes]atomic.Int64

func (s *counters) count(code int) {
	if code < 0 || code >= countedCodes {
		code = countedCodes - 1
	}
	s[code].Add(1)
}
