package store

import (
	"sync"
	"time"

	"boxoffice/broker/remoting"
)

// delayed is one message that waits on a delay level: 16 bytes each, so a
// million of them fit in 16 MB.
type delayed struct {
	offset int64 // physical offset in the log
	due    int64 // Unix ms of the broker's clock
}

// Delays holds the messages that wait, one queue per delay level. All
// messages of a level wait equally long, so each level is in due order by
// itself and both adding and taking cost O(1) however many wait.
type Delays struct {
	levels []time.Duration
	kick   chan struct{} // holds one signal: a head may be due earlier than before

	mu      sync.Mutex
	waiting []sequence[delayed]
}

func newDelays(levels []time.Duration) *Delays {
	return &Delays{
		levels:  levels,
		kick:    make(chan struct{}, 1),
		waiting: make([]sequence[delayed], len(levels)),
	}
}

// Schedule moves a message with a delay level onto that level's queue, to be
// delivered to the topic it is on now (HookUtils.transformDelayLevelMessage).
func (d *Delays) Schedule(m *remoting.Message) {
	level := d.clamp(DelayLevel(m.Properties))
	if level <= 0 {
		return
	}
	keepDestination(m)
	m.Topic, m.QueueID = ScheduleTopic, level-1
}

// Earlier gets a signal when a message may be due earlier than was known.
func (d *Delays) Earlier() <-chan struct{} { return d.kick }

// clamp maps a DELAY property to a level that exists: RocketMQ treats what is
// above the highest level as the highest.
func (d *Delays) clamp(level int32) int32 { return min(level, int32(len(d.levels))) }

// wait is the delay of a level in ms. Messages of a former run may wait on
// levels above those of this one; they wait as long as the highest.
func (d *Delays) wait(level int32) int64 { return d.levels[d.clamp(level)-1].Milliseconds() }

// line returns the queue of level 1..n. d.mu is held.
func (d *Delays) line(level int32) *sequence[delayed] {
	for int(level) > len(d.waiting) {
		d.waiting = append(d.waiting, sequence[delayed]{})
	}
	return &d.waiting[level-1]
}

// highest is the highest level on which a message may wait.
func (d *Delays) highest() int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int32(len(d.waiting))
}

// add puts a message stored at a time (Unix ms) on level 1..n.
func (d *Delays) add(level int32, offset, stored int64) {
	d.mu.Lock()
	line := d.line(level)
	line.push(delayed{offset, stored + d.wait(level)})
	head := line.len() == 1
	d.mu.Unlock()
	if head {
		d.Wake()
	}
}

// Wake has the head looked at again.
func (d *Delays) Wake() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// head returns the first message of a level (1..n) and the ms until it is due.
// A due time further away than the level's delay means that the clock was set
// back; such a message is due now (ScheduleMessageService.correctDeliverTimestamp).
// The clock is read under the lock: a time read before could be older than a
// message that has just been added, which would look like a clock set back.
func (d *Delays) head(level int32, clock func() int64) (one delayed, wait int64, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := d.line(level)
	if line.len() == 0 {
		return delayed{}, 0, false
	}
	one = line.at(line.first)
	wait = one.due - clock()
	if wait > d.wait(level)+clockSlack {
		wait = 0
	}
	return one, max(wait, 0), true
}

// delivered takes the messages up to and including the one at offset out of its level.
func (d *Delays) delivered(level int32, offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := d.line(level)
	for line.len() > 0 && line.at(line.first).offset <= offset {
		line.trim(line.first + 1)
	}
}

// Next returns the ms until any message is due.
func (d *Delays) Next(clock func() int64) (wait int64, found bool) {
	for level := int32(1); level <= d.highest(); level++ {
		_, w, ok := d.head(level, clock)
		if ok && (!found || w < wait) {
			wait, found = w, true
		}
	}
	return wait, found
}

// Pending is the number of messages that wait.
func (d *Delays) Pending() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for i := range d.waiting {
		n += int(d.waiting[i].len())
	}
	return n
}

// oldest returns the lowest physical offset of a message that waits.
func (d *Delays) oldest() (offset int64, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.waiting {
		line := &d.waiting[i]
		if line.len() == 0 {
			continue
		}
		if o := line.at(line.first).offset; !found || o < offset {
			offset, found = o, true
		}
	}
	return offset, found
}
