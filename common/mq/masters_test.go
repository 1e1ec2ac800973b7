package mq_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/brokertest"
	"boxoffice/broker/remoting"
	"boxoffice/common/mq"
)

// Codes of answers that say that a message is stored, but not as it should be: the client library rolls a half message back.
const (
	slaveNotAvailable = 11
	flushSlaveTimeout = 12
)

// newCluster is a home of several masters behind one nameserver.
func newCluster(t *testing.T, masters ...string) (home, map[string]*broker.Broker) {
	t.Helper()
	if os.Getenv("BOXOFFICE_TEST_NAMESRV") != "" {
		t.Skip("needs a cluster of its own")
	}
	address, brokers := brokertest.RunCluster(t, masters)
	return home{servers: []string{address}}, brokers
}

// clusterTest is a transactor on two masters, with a hook for the half messages of one topic.
type clusterTest struct {
	home       home
	bus        *mq.Bus
	topic      mq.Topic[order]
	transactor *mq.Transactor
	brokers    map[string]*broker.Broker
	halves     map[string]*atomic.Int32 // sent to each broker, as plain messages are
	beats      map[string]*atomic.Int32 // heartbeats that each broker has got
	fault      atomic.Pointer[func(master string) broker.Verdict]
	keys, ends sync.Map // unique key of the last half message by broker, and how a half message ended by unique key
}

func newClusterTest(t *testing.T, check mq.CheckFunc) *clusterTest {
	t.Helper()
	c := &clusterTest{halves: map[string]*atomic.Int32{}, beats: map[string]*atomic.Int32{}}
	c.home, c.brokers = newCluster(t, "m1", "m2")
	for name, b := range c.brokers {
		beats := new(atomic.Int32)
		c.beats[name] = beats
		b.Intercept(broker.HeartBeat, func(*broker.Request) broker.Verdict { beats.Add(1); return broker.Pass })
	}
	c.bus = c.home.open(t)
	c.topic = mq.Topic[order](unique(t))
	if err := c.bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(c.topic), Queues: 4}}, nil); err != nil {
		t.Fatal(err)
	}
	c.transactor = newTransactor(t, c.bus, unique(t), check)
	for name, b := range c.brokers {
		count := new(atomic.Int32)
		c.halves[name] = count
		b.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
			if r.Topic() != string(c.topic) {
				return broker.Pass
			}
			c.keys.Store(name, r.Property(remoting.PropertyUniqueKey))
			count.Add(1)
			if fault := c.fault.Load(); fault != nil {
				return (*fault)(name)
			}
			return broker.Pass
		})
		b.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
			c.ends.Store(r.Ext["transactionId"], r.Ext["commitOrRollback"])
			return broker.Pass
		})
	}
	return c
}

// when decides what becomes of the half messages that reach a master; the others pass.
func (c *clusterTest) when(master string, v broker.Verdict) {
	fault := func(at string) broker.Verdict {
		if at == master {
			return v
		}
		return broker.Pass
	}
	c.fault.Store(&fault)
}

// buyAt buys until a master has got a half message.
func (c *clusterTest) buyAt(t *testing.T, master string) {
	t.Helper()
	for range 8 {
		before := c.halves[master].Load()
		c.buy(t)
		if c.halves[master].Load() > before {
			return
		}
	}
	t.Fatalf("no half message goes to %s", master)
}

func (c *clusterTest) buy(t *testing.T) {
	t.Helper()
	runs := 0
	outcome, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		runs++
		return mq.Commit
	})
	if outcome != mq.Commit || err != nil || runs != 1 {
		t.Fatalf("outcome %d after %d local transactions: %v", outcome, runs, err)
	}
}

func (c *clusterTest) delivered() int {
	total := 0
	for _, b := range c.brokers {
		total += len(b.Messages(string(c.topic)))
	}
	return total
}

// Nine to thirty-eight of a hundred purchases were refused while one master of two refused half messages, since nobody
// asked the other one.
func TestHalfRefusedByAMasterGoesToAnotherAtOnce(t *testing.T) {
	for name, refusal := range map[string]broker.Verdict{
		"replica missing": broker.Fail(broker.SystemError, "in-sync replicas not enough"),
		"stored alone":    broker.Fail(slaveNotAvailable, "the message is on the master alone"),
		"replica late":    broker.Fail(flushSlaveTimeout, "no word of the replica"),
		"busy":            broker.Fail(broker.SystemBusy, "broker busy"),
		"read-only":       broker.Fail(remoting.NoPermission, "the broker's permission is read-only"),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterTest(t, noCheck(t))
			c.when("m1", refusal)
			c.buyAt(t, "m1")
			// The master that has just refused is not asked again at once.
			asked := c.halves["m1"].Load()
			for range 8 {
				c.buy(t)
			}
			if got := c.halves["m1"].Load(); got != asked {
				t.Errorf("asked %d times more", got-asked)
			}
			if got := c.bus.Stats().HalvesElsewhere; got != 1 {
				t.Errorf("%d half messages are counted that went to another master, want 1", got)
			}
		})
	}
}

// What every master refuses is refused once by each, and no local transaction runs.
func TestHalfIsTriedOnceAtEachMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	fault := func(string) broker.Verdict { return broker.Fail(broker.SystemError, "in-sync replicas not enough") }
	c.fault.Store(&fault)
	_, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		t.Error("local ran")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send half: %v", err)
	}
	if a, b := c.halves["m1"].Load(), c.halves["m2"].Load(); a != 1 || b != 1 {
		t.Errorf("tried %d and %d times, want once each", a, b)
	}
}

// A message that is refused for what it is is not offered to every broker.
func TestHalfThatIsIllegalIsTriedOnce(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	fault := func(string) broker.Verdict { return broker.Fail(broker.MessageIllegal, "illegal") }
	c.fault.Store(&fault)
	_, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, answer(mq.Commit))
	if !errors.Is(err, mq.ErrNotSent) || errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send half: %v", err)
	}
	if got := c.halves["m1"].Load() + c.halves["m2"].Load(); got != 1 {
		t.Errorf("tried %d times", got)
	}
}

// A master that dies is in the routes for a while; its connections are refused.
func TestHalfOutlivesTheDeathOfAMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	if err := c.brokers["m1"].Close(); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		c.buy(t)
	}
	if got := c.halves["m2"].Load(); got != 16 {
		t.Errorf("m2 got %d half messages", got)
	}
	// A process that starts now must be known to the one that lives.
	newTransactor(t, c.home.open(t), unique(t), noCheck(t))
}

// A frozen master says nothing: a purchase gave up after 800 ms and was refused.
func TestHalfAtASilentMasterGoesToAnother(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	c.when("m1", broker.Drop)
	c.buyAt(t, "m1")
	for range 8 {
		c.buy(t)
	}
	if got := c.halves["m1"].Load(); got != 1 {
		t.Errorf("the silent master was asked %d times", got)
	}
}

// A plain message whose next queues were all of the master that refused failed after three tries at it.
func TestSendGoesToAnotherMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	sender := newSender(t, c.bus)
	c.when("m1", broker.Fail(broker.SystemError, "in-sync replicas not enough"))
	for range 8 {
		if err := mq.Send(t.Context(), sender, c.topic, "k", order{"1"}); err != nil {
			t.Fatal(err)
		}
	}
	if refused, taken := c.halves["m1"].Load(), c.halves["m2"].Load(); refused != 1 || taken != 8 {
		t.Errorf("m1 was asked %d times and m2 %d times, want 1 and 8", refused, taken)
	}
}

// Of two masters a plain message was tried at both at once and then, after one pause, at one of them: where both refused for a
// tenth of a second it was given up, which a lone master would have been given.
func TestSendGivesAClusterAsLongAsALoneMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	sender := newSender(t, c.bus)
	fault := func(string) broker.Verdict { return broker.Fail(broker.SystemBusy, "broker busy") }
	c.fault.Store(&fault)
	begun := time.Now()
	err := mq.Send(t.Context(), sender, c.topic, "k", order{"1"})
	if !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send: %v", err)
	}
	if a, b, took := c.halves["m1"].Load(), c.halves["m2"].Load(), time.Since(begun); a != 3 || b != 3 || took < 150*time.Millisecond {
		t.Errorf("tried %d and %d times in %v, want 3 times each and 150ms at least", a, b, took)
	}
}
