package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/mq"
)

const (
	checksMax  = 15 // check-backs of a half message, which is then discarded
	firstCheck = 6 * time.Second
	nextCheck  = 30 * time.Second
	triesMax   = 16 // deliveries to a group, after which a message is a dead letter
	twiceFor   = time.Hour
	copiesMax  = 3
	twiceSoon  = 2 * time.Second
	lateFor    = 20 * time.Minute
	halfTopic  = "RMQ_SYS_TRANS_HALF_TOPIC"
	brokerPart = "broker"
)

// bus is a message queue with the semantics of RocketMQ on its worst day: what it has acknowledged it delivers to every group at
// least once, in any order; half messages it delivers only when their end or a check-back says commit, and discards when nobody
// has said anything after the last check.
type bus struct {
	world  *world
	groups map[string][]string // of a topic
	// deliver hands a message to a member of a group, and tells whether one was there. The error is the handler's.
	deliver func(ctx context.Context, group string, m *message) (handled bool, err error)
	// check asks a producer of half messages; Unknown is also no answer.
	check func(ctx context.Context, h *half) mq.Outcome
	// decided is told what became of a half message.
	decided func(h *half)

	halves  map[string]*half
	stored  int
	dead    []string // dead letters, as "group message"
	pending int      // deliveries that are to come
}

// message is one that is stored. Copies of it are the same.
type message struct {
	id, topic, key string
	body           []byte
	from           *half // nil for a plain one
}

// half is a half message. Its outcome is Unknown until it is decided, and when it is discarded.
type half struct {
	message
	txID      string
	checks    int
	outcome   mq.Outcome
	discarded bool
	born      time.Time
}

func (h *half) open() bool { return h.outcome == mq.Unknown && !h.discarded }

func newBus(w *world) *bus {
	return &bus{world: w, groups: map[string][]string{}, halves: map[string]*half{}}
}

// subscribe makes a group get all messages of a topic.
func (b *bus) subscribe(topic, group string) { b.groups[topic] = append(b.groups[topic], group) }

// send stores a message for every group of its topic.
func (b *bus) send(m mq.Outgoing) error {
	w := b.world
	if w.isAway(brokerPart) || w.roll(sendRefused) {
		return fmt.Errorf("%w: %w: the broker does not take a message of %s", mq.ErrNotSent, mq.ErrUnavailable, m.Topic)
	}
	w.ids++
	b.store(&message{id: fmt.Sprintf("%s/%s.%d", m.Topic, w.event, w.ids), topic: m.Topic, key: m.Key, body: m.Body}, m.Delay.Duration())
	if w.roll(sendUnanswered) {
		return fmt.Errorf("%w: %w: no answer", mq.ErrNotSent, mq.ErrUnavailable)
	}
	return nil
}

func (b *bus) store(m *message, delay time.Duration) {
	b.stored++
	m.id = short(m.id)
	for _, group := range b.groups[m.topic] {
		b.schedule(m, group, way{}, delay)
	}
}

// short keeps the keys of events, which are made of each other, from growing.
func short(id string) string {
	const most = 40
	if len(id) <= most {
		return id
	}
	j := newJournal(nil)
	j.line("%s", id)
	return id[:most-17] + "~" + j.sum()
}

// way is how often a message has come already: as a copy, after failures, and in vain because nobody was there.
type way struct{ copies, tries, vain int }

// schedule has a copy of a message delivered to a group after a delay. A level of the queue is reached by a little more.
func (b *bus) schedule(m *message, group string, n way, delay time.Duration) {
	w := b.world
	key := fmt.Sprintf("deliver %s to %s %v", m.id, group, n)
	dice := w.dice(key + " when")
	delay += time.Duration(dice.IntN(80)) * time.Millisecond
	if n.tries+n.vain == 0 && !w.settled && !w.without[deliveredLate] && dice.IntN(1000) < deliveredLate.perMille() {
		w.inject(deliveredLate)
		delay += time.Duration(dice.Int64N(int64(lateFor)))
	}
	if n == (way{}) && !w.settled && !w.without[deliveredAtOnce] && dice.IntN(1000) < deliveredAtOnce.perMille() {
		w.inject(deliveredAtOnce)
		b.schedule(m, group, way{copies: copiesMax}, delay)
	}
	b.pending++
	w.after(delay, key, anybody, func(ctx context.Context) {
		b.pending--
		b.deliverOnce(ctx, m, group, n)
	})
}

// deliverOnce delivers a copy; one that is not acknowledged comes again, and one that is may come again as well.
func (b *bus) deliverOnce(ctx context.Context, m *message, group string, n way) {
	w := b.world
	if w.isAway(brokerPart) {
		b.schedule(m, group, way{n.copies, n.tries, n.vain + 1}, time.Second+w.between(0, 20*time.Second))
		return
	}
	handled, err := b.deliver(ctx, group, m)
	switch {
	case !handled:
		b.schedule(m, group, way{n.copies, n.tries, n.vain + 1}, w.between(time.Second, 30*time.Second))
	case mq.IsPermanent(err), err != nil && n.tries >= triesMax:
		b.dead = append(b.dead, group+" "+m.id)
		w.note("dead letter of %s: %v", group, err)
	case err != nil:
		w.note("%s fails: %v", group, err)
		b.schedule(m, group, way{n.copies, n.tries + 1, n.vain}, mq.DelayLevel(n.tries+1).Duration())
	case n.copies < copiesMax && w.roll(deliveredTwice):
		again := w.between(0, twiceFor)
		if w.chance(50) {
			again = w.between(0, twiceSoon)
		}
		b.schedule(m, group, way{n.copies + 1, n.tries, n.vain}, again)
	}
}

// putHalf stores a half message. An error says that its sender must not run the local transaction; it may be stored all the same.
func (b *bus) putHalf(txID, topic string, body []byte) (*half, error) {
	w := b.world
	if w.isAway(brokerPart) || w.roll(halfRefused) {
		return nil, fmt.Errorf("%w: %w: the broker does not take a half message", mq.ErrNotSent, mq.ErrUnavailable)
	}
	h := &half{message: message{id: topic + "/tx " + txID, topic: topic, key: txID, body: body}, txID: txID, born: w.now}
	h.from = h
	b.halves[txID] = h
	w.note("half %s is stored", txID)
	b.checkAfter(h, firstCheck+w.between(0, nextCheck))
	if w.roll(halfUnanswered) {
		return h, fmt.Errorf("%w: no answer", mq.ErrNotSent)
	}
	return h, nil
}

// end is commit or rollback by the sender of a half message, which nobody acknowledges.
func (b *bus) end(h *half, outcome mq.Outcome) {
	w := b.world
	switch {
	case outcome == mq.Unknown:
	case w.isAway(brokerPart) || w.roll(endLost):
		w.note("the end of %s is lost", h.txID)
	case w.roll(endLate):
		w.after(w.between(time.Second, 3*time.Minute), "late end of "+h.txID, anybody, func(context.Context) { b.decide(h, outcome) })
	default:
		b.decide(h, outcome)
	}
}

// decide ends a half message once.
func (b *bus) decide(h *half, outcome mq.Outcome) {
	if !h.open() || outcome == mq.Unknown {
		return
	}
	h.outcome = outcome
	b.decided(h)
	if outcome == mq.Commit {
		b.world.note("commit %s", h.txID)
		b.store(&message{id: h.id, topic: h.topic, key: h.key, body: h.body, from: h}, 0)
	} else {
		b.world.note("rollback %s", h.txID)
	}
}

func (b *bus) checkAfter(h *half, delay time.Duration) {
	b.world.after(delay, fmt.Sprintf("check %s (%d)", h.txID, h.checks+1), anybody, func(ctx context.Context) { b.checkBack(ctx, h) })
}

// checkBack asks about a half message, and again later, until it is decided or was asked about too often.
func (b *bus) checkBack(ctx context.Context, h *half) {
	w := b.world
	switch {
	case !h.open():
		return
	case w.isAway(brokerPart):
		b.checkAfter(h, nextCheck)
		return
	case h.checks >= checksMax, w.roll(halfDiscarded):
		h.discarded = true
		w.note("discard %s", h.txID)
		b.decided(h)
		return
	}
	h.checks++
	b.ask(ctx, h)
	if h.open() {
		b.checkAfter(h, nextCheck)
	}
}

// ask asks about a half message once, and takes the answer if it comes.
func (b *bus) ask(ctx context.Context, h *half) {
	w := b.world
	outcome := b.check(ctx, h)
	if w.roll(checkRepeated) {
		if again := b.check(ctx, h); again != mq.Unknown && outcome != mq.Unknown && again != outcome {
			w.fail("check-backs of %s say %d and then %d", h.txID, outcome, again)
		}
	}
	if w.roll(checkUnanswered) {
		return
	}
	b.decide(h, outcome)
}

// openHalves are the ids of the half messages that are not decided.
func (b *bus) openHalves() []string {
	var open []string
	for id, h := range b.halves {
		if h.open() {
			open = append(open, id)
		}
	}
	slices.Sort(open)
	return open
}
