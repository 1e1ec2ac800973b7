package traffic

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	latencyMin    = time.Microsecond
	latencyMax    = 5 * time.Minute
	latencyDigits = 3
)

// Latency is a histogram of durations from a microsecond to five minutes, with three digits. It is safe for concurrent
// use.
type Latency struct {
	mu        sync.Mutex
	histogram *hdrhistogram.Histogram
}

// NewLatency returns an empty histogram.
func NewLatency() *Latency {
	return &Latency{histogram: hdrhistogram.New(latencyMin.Microseconds(), latencyMax.Microseconds(), latencyDigits)}
}

// Record adds one duration; one that is out of range counts as the end of the range.
func (l *Latency) Record(d time.Duration) {
	d = min(max(d, latencyMin), latencyMax)
	l.mu.Lock()
	defer l.mu.Unlock()
	// The histogram refuses only what is out of its range.
	_ = l.histogram.RecordValue(d.Microseconds())
}

// Count is the number of durations recorded.
func (l *Latency) Count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.histogram.TotalCount()
}

// Percentile returns the duration that p percent do not exceed; 100 is the longest. It is 0 while nothing is recorded.
func (l *Latency) Percentile(p float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p >= 100 {
		return time.Duration(l.histogram.Max()) * time.Microsecond
	}
	return time.Duration(l.histogram.ValueAtPercentile(p)) * time.Microsecond
}
