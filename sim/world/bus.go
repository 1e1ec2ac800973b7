package world

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
)

// Bus is a message queue with the semantics of RocketMQ on its worst day: what it has acknowledged it delivers to every group at
// least once, in any order; half messages it delivers only when their end or a check-back says commit, and discards when nobody
// has said anything after the last check.
type Bus struct {
	world  *World
	groups map[string][]string // of a topic
	// deliver hands a message to a member of a group, and tells whether one was there. The error is the handler's.
	Deliver func(ctx context.Context, group string, m *Message) (handled bool, err error)
	// check asks a producer of half messages; Unknown is also no answer.
	Check func(ctx context.Context, h *Half) mq.Outcome
	// decided is told what became of a half message.
	Decided func(h *Half)

	Halves  map[string]*Half
	Stored  int
	Dead    []string // dead letters, as "group message"
	Pending int      // deliveries that are to come
	logs    int      // that were lost
}

// Message is one that is stored. Copies of it are the same.
type Message struct {
	id, Topic, key string
	Body           []byte
	from           *Half // nil for a plain one
}

// Half is a half message. Its outcome is Unknown until it is decided, and when it is discarded.
type Half struct {
	Message
	TxID      string
	Checks    int
	Outcome   mq.Outcome
	discarded bool
	Born      time.Time
}

func (h *Half) open() bool { return h.Outcome == mq.Unknown && !h.discarded }

// NewBus makes a queue to which nobody has subscribed yet.
func NewBus(w *World) *Bus {
	return &Bus{world: w, groups: map[string][]string{}, Halves: map[string]*Half{}}
}

// Subscribe makes a group get all messages of a topic.
func (b *Bus) Subscribe(topic, group string) { b.groups[topic] = append(b.groups[topic], group) }

// Send stores a message for every group of its topic.
func (b *Bus) Send(m mq.Outgoing) error {
	w := b.world
	if w.IsAway(BrokerPart) || w.Roll(sendRefused) {
		return fmt.Errorf("%w: %w: the broker does not take a message of %s", mq.ErrNotSent, mq.ErrUnavailable, m.Topic)
	}
	w.ids++
	b.store(&Message{id: fmt.Sprintf("%s/%s.%d", m.Topic, w.Event, w.ids), Topic: m.Topic, key: m.Key, Body: m.Body}, m.Delay.Duration())
	if w.Roll(sendUnanswered) {
		return fmt.Errorf("%w: %w: no answer", mq.ErrNotSent, mq.ErrUnavailable)
	}
	return nil
}

func (b *Bus) store(m *Message, delay time.Duration) {
	b.Stored++
	m.id = Short(m.id)
	for _, group := range b.groups[m.Topic] {
		b.schedule(m, group, way{}, delay)
	}
}

// Short keeps the keys of events, which are made of each other, from growing.
func Short(id string) string {
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
func (b *Bus) schedule(m *Message, group string, n way, delay time.Duration) {
	w := b.world
	key := fmt.Sprintf("deliver %s to %s %v", m.id, group, n)
	dice := w.Dice(key + " when")
	delay += time.Duration(dice.IntN(80)) * time.Millisecond
	if n.tries+n.vain == 0 && !w.Settled && !w.Without[deliveredLate] && dice.IntN(1000) < deliveredLate.perMille() {
		w.Inject(deliveredLate)
		delay += time.Duration(dice.Int64N(int64(lateFor)))
	}
	if n == (way{}) && !w.Settled && !w.Without[deliveredAtOnce] && dice.IntN(1000) < deliveredAtOnce.perMille() {
		w.Inject(deliveredAtOnce)
		b.schedule(m, group, way{copies: copiesMax}, delay)
	}
	b.Pending++
	log := b.logs
	w.After(delay, key, Anybody, func(ctx context.Context) {
		if b.logs != log {
			return
		}
		b.Pending--
		b.deliverOnce(ctx, m, group, n)
	})
}

// deliverOnce delivers a copy; one that is not acknowledged comes again, and one that is may come again as well.
func (b *Bus) deliverOnce(ctx context.Context, m *Message, group string, n way) {
	w := b.world
	if w.IsAway(BrokerPart) {
		b.schedule(m, group, way{n.copies, n.tries, n.vain + 1}, time.Second+w.Between(0, 20*time.Second))
		return
	}
	log := b.logs
	handled, err := b.Deliver(ctx, group, m)
	switch {
	case b.logs != log:
	case !handled:
		b.schedule(m, group, way{n.copies, n.tries, n.vain + 1}, w.Between(time.Second, 30*time.Second))
	case mq.IsPermanent(err), err != nil && n.tries >= triesMax:
		b.Dead = append(b.Dead, group+" "+m.id)
		w.Note("dead letter of %s: %v", group, err)
	case err != nil:
		w.Note("%s fails: %v", group, err)
		b.schedule(m, group, way{n.copies, n.tries + 1, n.vain}, mq.DelayLevel(n.tries+1).Duration())
	case n.copies < copiesMax && w.Roll(deliveredTwice):
		again := w.Between(0, twiceFor)
		if w.Chance(50) {
			again = w.Between(0, twiceSoon)
		}
		b.schedule(m, group, way{n.copies + 1, n.tries, n.vain}, again)
	}
}

// PutHalf stores a half message. An error says that its sender must not run the local transaction; it may be stored all the same.
func (b *Bus) PutHalf(txID, topic string, body []byte) (*Half, error) {
	w := b.world
	if w.IsAway(BrokerPart) || w.Roll(halfRefused) {
		return nil, fmt.Errorf("%w: %w: the broker does not take a half message", mq.ErrNotSent, mq.ErrUnavailable)
	}
	h := b.storeHalf(txID, txID, topic, body)
	if w.Roll(halfTwice) {
		b.storeAtAnother(txID, topic, body)
	}
	if w.Roll(halfUnanswered) {
		return h, fmt.Errorf("%w: no answer", mq.ErrNotSent)
	}
	return h, nil
}

// storeHalf stores a half message under an id of its own: two masters may have one of the same transaction.
func (b *Bus) storeHalf(id, txID, topic string, body []byte) *Half {
	h := &Half{Message: Message{id: topic + "/tx " + id, Topic: topic, key: txID, Body: body}, TxID: txID, Born: b.world.Now}
	h.from = h
	b.Halves[id] = h
	b.world.Note("half %s is stored", id)
	b.checkAfter(h, firstCheck+b.world.Between(0, nextCheck))
	return h
}

// storeAtAnother has another master store the half message as well, as happens to a sender that has waited too long for the
// answer of one and asks the next. The answer that comes late is a rollback of this one alone; without one it checks back.
func (b *Bus) storeAtAnother(txID, topic string, body []byte) {
	w := b.world
	h := b.storeHalf(txID+"/2", txID, topic, body)
	if w.Chance(50) {
		return
	}
	w.After(w.Between(0, 2*firstCheck), "late answer for "+txID, Anybody, func(context.Context) {
		if h.open() {
			h.discarded = true
			w.Note("the second half of %s is rolled back", txID)
		}
	})
}

// End is commit or rollback by the sender of a half message, which nobody acknowledges.
func (b *Bus) End(h *Half, outcome mq.Outcome) {
	w := b.world
	switch {
	case outcome == mq.Unknown:
	case w.IsAway(BrokerPart) || w.Roll(endLost):
		w.Note("the end of %s is lost", h.TxID)
	case w.Roll(endLate):
		w.After(w.Between(time.Second, 3*time.Minute), "late end of "+h.TxID, Anybody, func(context.Context) { b.Decide(h, outcome) })
	default:
		b.Decide(h, outcome)
	}
}

// Decide ends a half message once.
func (b *Bus) Decide(h *Half, outcome mq.Outcome) {
	if !h.open() || outcome == mq.Unknown {
		return
	}
	h.Outcome = outcome
	b.Decided(h)
	if outcome == mq.Commit {
		b.world.Note("commit %s", h.TxID)
		b.store(&Message{id: h.id, Topic: h.Topic, key: h.key, Body: h.Body, from: h}, 0)
	} else {
		b.world.Note("rollback %s", h.TxID)
	}
}

func (b *Bus) checkAfter(h *Half, delay time.Duration) {
	b.world.After(delay, fmt.Sprintf("check %s (%d)", h.id, h.Checks+1), Anybody, func(ctx context.Context) { b.checkBack(ctx, h) })
}

// checkBack asks about a half message, and again later, until it is decided or was asked about too often.
func (b *Bus) checkBack(ctx context.Context, h *Half) {
	w := b.world
	switch {
	case !h.open():
		return
	case w.IsAway(BrokerPart):
		b.checkAfter(h, nextCheck)
		return
	case h.Checks >= checksMax, w.Roll(halfDiscarded):
		h.discarded = true
		w.Note("discard %s", h.TxID)
		b.Decided(h)
		return
	}
	h.Checks++
	b.Ask(ctx, h)
	if h.open() {
		b.checkAfter(h, nextCheck)
	}
}

// Ask asks about a half message once, and takes the answer if it comes.
func (b *Bus) Ask(ctx context.Context, h *Half) {
	w := b.world
	outcome := b.Check(ctx, h)
	if h.discarded { // meanwhile
		return
	}
	if w.Roll(checkRepeated) {
		if again := b.Check(ctx, h); again != mq.Unknown && outcome != mq.Unknown && again != outcome {
			w.Fail("check-backs of %s say %d and then %d", h.TxID, outcome, again)
		}
	}
	if w.Roll(checkUnanswered) {
		return
	}
	b.Decide(h, outcome)
}

// LoseLog is a queue that starts with an empty log: whatever was on its way is gone.
func (b *Bus) LoseLog() {
	for _, h := range b.Halves {
		h.discarded = h.discarded || h.open()
	}
	b.logs++
	b.Pending, b.Halves = 0, map[string]*Half{}
}

// OpenHalves are the ids of the half messages that are not decided.
func (b *Bus) OpenHalves() []string {
	var open []string
	for id, h := range b.Halves {
		if h.open() {
			open = append(open, id)
		}
	}
	slices.Sort(open)
	return open
}
