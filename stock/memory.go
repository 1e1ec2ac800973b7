package stock

import (
	"maps"
	"sync"
	"time"
)

const (
	memoryFresh   = 100 * time.Millisecond
	memoryDoubt   = time.Second
	memoryEntries = 1024
)

// memory holds the screenings that plans have read in the last moment, so that a purchase that will succeed costs no
// read. It can only let somebody in: the database judges what is let in, and whoever would be turned away is looked up.
// A change of a sale's window that another process has made is noticed within memoryFresh.
type memory struct {
	clock      func() time.Time // measures age; the sale's own time may jump
	mu         sync.Mutex
	screenings map[string]remembered
	doubtUntil time.Time
	forgotten  int // times
}

type remembered struct {
	Screening
	at time.Time
}

func newMemory(clock func() time.Time) *memory {
	return &memory{clock: clock, screenings: map[string]remembered{}}
}

// recall returns the screenings of the list that are fresh, none while in doubt. What is read for the others may be kept
// as of asked.
func (m *memory) recall(list []*purchase) (known map[string]Screening, asked int) {
	now := m.clock()
	known = map[string]Screening{}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.doubtUntil) {
		return known, m.forgotten
	}
	for _, p := range list {
		if r, exists := m.screenings[p.request.ScreeningID]; exists && now.Sub(r.at) < memoryFresh {
			known[r.ID] = r.Screening
		}
	}
	return known, m.forgotten
}

// keep remembers what was read, unless something was forgotten since: it may have been read before that.
func (m *memory) keep(screenings map[string]Screening, asked int) {
	now := m.clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forgotten != asked {
		return
	}
	if len(m.screenings)+len(screenings) > memoryEntries {
		maps.DeleteFunc(m.screenings, func(_ string, r remembered) bool { return now.Sub(r.at) >= memoryFresh })
	}
	if len(m.screenings)+len(screenings) > memoryEntries {
		return
	}
	for id, screening := range screenings {
		m.screenings[id] = remembered{screening, now}
	}
}

// sold takes off what this process has reserved.
func (m *memory) sold(tickets map[string]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range tickets {
		if r, exists := m.screenings[id]; exists {
			r.Available -= n
			m.screenings[id] = r
		}
	}
}

// forget drops a screening that has changed.
func (m *memory) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.screenings, id)
	m.forgotten++
}

// doubt makes everything be looked up for a while: a list was let in that the database refused. Buyers who send again
// what they have already bought do so in waves.
func (m *memory) doubt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubtUntil = m.clock().Add(memoryDoubt)
}
