package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	// masterPatience is how long a master may say nothing until a half message goes to another one as well: one that is
	// frozen, or was cut off, answers nothing for as long as anybody waits. Connections to
	// others, of which each may take dialTimeout, do not count.
	masterPatience = 250 * time.Millisecond
	// heldUpPause is the least after which a message is looked at again that others' connections have held up.
	heldUpPause = 10 * time.Millisecond
	// A master that has failed is tried again after a pause that doubles each time.
	masterPauseFirst = time.Second
	masterPauseLast  = 8 * time.Second
	// maxMastersTried bounds the masters that one message is offered to.
	maxMastersTried = 16
)

// masters chooses to which master broker each message of a producer goes, as its QueueSelector: each queue in its turn, but
// first those of masters that did not fail just now, and for one message no master twice. The client library knows no
// master that fails: it goes through the queues, of which the next one is mostly of the same broker.
type masters struct {
	log   *slog.Logger
	now   func() time.Time
	reach func(ctx context.Context, master string) error // connects to a master beside the client library; nil where all can be reached

	mu      sync.Mutex
	turns   map[string]int // by topic
	failing map[string]*failingMaster
	sending map[*primitive.Message]*masterTry
	warned  *repeats
	dials   dials
}

// failingMaster is a master that refused a message or did not answer, and has not taken one since.
type failingMaster struct {
	until time.Time // others are asked before it
	pause time.Duration
	told  bool // the log has a line about it

	reaching, reached bool // somebody looks whether it can be reached; it can
	off               bool // nobody could connect to it: it comes after all that are only silent
}

// triedMasters are the masters that have been asked to store one message.
type triedMasters struct {
	names []string
	left  int // masters that have not been asked
}

// masterTry is a message on its way to one master.
type masterTry struct {
	message *primitive.Message
	tried   *triedMasters
	master  string // empty until the client library has asked for one
	silent  bool   // it has been waited for long enough
	begun   time.Time
	dead    bool          // nobody could connect to the master since it was chosen
	before  time.Duration // what connections had taken when it was begun
	dials   bool          // it makes a connection of its own, or has made it
	held    time.Duration // for how long those of others had held it up by then
}

// heldUp is for how long the connections of other messages may have kept a try from its master: not once it makes its own, since
// from then on it is that master alone that keeps it. The library tells nobody when a message has got past its lock, so that one
// which waits for its answer is credited with the connections of others too, and a master that is frozen meanwhile is found later.
func (t *masterTry) heldUp(dials *dials, now time.Time) time.Duration {
	if t.dials {
		return t.held
	}
	return dials.took(now) - t.before
}

func newMasters(log *slog.Logger, reach func(context.Context, string) error) *masters {
	return &masters{
		log: log, now: time.Now, reach: reach, turns: map[string]int{}, failing: map[string]*failingMaster{},
		sending: map[*primitive.Message]*masterTry{}, warned: newRepeats(),
	}
}

// begin is called before a message is sent. Tries of one payload, each with a message of its own, share tried.
func (m *masters) begin(message *primitive.Message, tried *triedMasters) *masterTry {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	t := &masterTry{message: message, tried: tried, begun: now, before: m.dials.took(now)}
	m.sending[message] = t
	tried.left = max(0, tried.left-1) // until Select knows
	return t
}

// Select chooses the queue of a message that is being sent; nil says that every master has been tried.
func (m *masters) Select(message *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.sending[message]
	if t == nil {
		t = &masterTry{tried: &triedMasters{}}
	}
	now := m.now()
	candidates := m.first(queues, t.tried, now)
	if len(candidates) == 0 {
		t.tried.left = 0
		return nil
	}
	turn := m.turns[message.Topic]
	m.turns[message.Topic] = turn + 1
	queue := candidates[turn%len(candidates)]
	t.master = queue.BrokerName
	t.tried.names = append(t.tried.names, t.master)
	t.tried.left = left(queues, t.tried)
	if f := m.failing[t.master]; f != nil { // one message tries it; those that come meanwhile go elsewhere
		f.pause = min(2*f.pause, masterPauseLast)
		f.until, f.reached = now.Add(f.pause), false
	}
	return queue
}

// first are the queues of the masters that come first: of those that have not been tried those that are not to be spared, or
// the one whose pause ends first.
func (m *masters) first(queues []*primitive.MessageQueue, tried *triedMasters, now time.Time) (found []*primitive.MessageQueue) {
	var earliest time.Time
	for _, queue := range queues {
		if slices.Contains(tried.names, queue.BrokerName) {
			continue
		}
		var until time.Time
		if f := m.failing[queue.BrokerName]; f != nil && m.spares(queue.BrokerName, f, now) {
			until = f.until
			if f.off {
				until = until.Add(masterPauseLast)
			}
		}
		if len(found) == 0 || until.Before(earliest) {
			found, earliest = nil, until
		}
		if until.Equal(earliest) {
			found = append(found, queue)
		}
	}
	return found
}

// spares tells whether a failing master is spared still: until its pause is over and, after that, until somebody has connected
// to it. While the client library connects to a master it sends to none, and a machine that is off refuses no connection.
func (m *masters) spares(master string, f *failingMaster, now time.Time) bool {
	if now.Before(f.until) {
		return true
	}
	if m.reach == nil || f.reached {
		return false
	}
	if !f.reaching {
		f.reaching = true
		go m.lookFor(master, f)
	}
	return true
}

// lookFor connects to a failing master, and spares it for another pause when that fails.
func (m *masters) lookFor(master string, f *failingMaster) {
	ctx, cancel := context.WithTimeout(context.Background(), reachTimeout)
	defer cancel()
	err := m.reach(ctx, master)
	m.mu.Lock()
	defer m.mu.Unlock()
	f.reaching, f.reached, f.off = false, err == nil, err != nil
	if err != nil {
		f.pause = min(2*f.pause, masterPauseLast)
		f.until = m.now().Add(f.pause)
	}
}

// left counts the masters that have not been tried, as far as they may be.
func left(queues []*primitive.MessageQueue, tried *triedMasters) int {
	others := map[string]bool{}
	for _, queue := range queues {
		if !slices.Contains(tried.names, queue.BrokerName) {
			others[queue.BrokerName] = true
		}
	}
	return min(len(others), maxMastersTried-len(tried.names))
}

// anotherThan tells whether there is a master that has not been tried.
func (m *masters) anotherThan(tried *triedMasters) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return tried.left > 0
}

// waited says that a try has been waited for long enough, and returns for how much longer it is to be waited for all the same:
// the time in which the client library was connecting to other masters is not counted against its own. The try goes on.
func (m *masters) waited(t *masterTry) (longer time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.master == "" || t.silent {
		return 0
	}
	now := m.now()
	if held := t.heldUp(&m.dials, now); held > 0 {
		if longer = masterPatience - (now.Sub(t.begun) - held); longer > 0 {
			return max(longer, heldUpPause) // while the connection is being made, it is as much when that is over
		}
	}
	t.silent = true
	m.fail(t, fmt.Errorf("no answer within %v", masterPatience))
	return 0
}

// boundDial bounds the connection that the client library may make for a message that is being sent, and makes none to a master
// to which somebody else could not connect since it was chosen: those who wait for the library's lock would wait in a row.
func (m *masters) boundDial(ctx context.Context, message *primitive.Message) (context.Context, context.CancelFunc) {
	refused := false
	begin := func() (goOn bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		now, t := m.now(), m.sending[message]
		if t != nil && !t.dials {
			t.held, t.dials = t.heldUp(&m.dials, now), true
		}
		m.dials.begin(now)
		refused = t != nil && t.dead
		return !refused
	}
	end := func(err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.dials.end(m.now())
		t := m.sending[message]
		if err == nil || t == nil || refused || ctx.Err() != nil { // who made none, or has gone, tells nothing of the master
			return
		}
		for _, other := range m.sending {
			other.dead = other.dead || other.master == t.master
		}
		m.fail(t, err) // now, lest a message chooses the master before this one has ended
	}
	return boundDial(ctx, begin, end)
}

// end is called when a message has been sent, or could not be.
func (m *masters) end(t *masterTry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sending, t.message)
	switch {
	case t.master == "" || t.silent: // nothing was learnt, or it was long ago
	case err == nil:
		m.restore(t.master)
	case errors.Is(err, ErrUnavailable):
		m.fail(t, err)
	}
}

// fail spares the master of a try from now on.
func (m *masters) fail(t *masterTry, err error) {
	if m.failing[t.master] == nil {
		m.failing[t.master] = &failingMaster{pause: masterPauseFirst, until: m.now().Add(masterPauseFirst)}
	}
	f := m.failing[t.master]
	f.off = f.off || t.dead
	if f.told || len(t.tried.names)+t.tried.left < 2 { // of an only one whoever is not served tells
		return
	}
	if passes, skipped := m.warned.pass(t.master, m.now()); passes {
		f.told = true
		m.log.Warn("a master does not take messages, others get them", "master", t.master, "others_since", skipped, "error", err)
	}
}

// restore ends the sparing of a master that has taken a message.
func (m *masters) restore(master string) {
	if f := m.failing[master]; f != nil && f.told {
		m.log.Info("a master takes messages again", "master", master)
	}
	delete(m.failing, master)
}
