//go:build !race

package mq_test

import (
	"context"
	"sync"
	"testing"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

// rollback is the end of a half message that is rolled back, in the protocol's words.
const rollback = "12"

// fence answers check-backs as stock does: by what became of the transaction, and Rollback for one that has not begun,
// which then never will.
type fence struct {
	mu       sync.Mutex
	outcomes map[string]mq.Outcome
}

func newFence() *fence { return &fence{outcomes: map[string]mq.Outcome{}} }

func (f *fence) decide(txID string, o mq.Outcome) mq.Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	if decided, is := f.outcomes[txID]; is {
		return decided
	}
	f.outcomes[txID] = o
	return o
}

func (f *fence) check(_ context.Context, half mq.Half) mq.Outcome {
	return f.decide(half.TxID, mq.Rollback)
}

// sendTwice sends half messages until one has gone to m1, which does not answer in time, and to m2 as well. Its local
// transaction calls meanwhile, and ends as said.
func (c *clusterTest) sendTwice(t *testing.T, f *fence, ends mq.Outcome, meanwhile func()) {
	t.Helper()
	for c.halves["m1"].Load() == 0 {
		txID, runs := unique(t), 0
		_, err := mq.SendHalf(t.Context(), c.transactor, c.topic, txID, order{"1"}, func(context.Context) mq.Outcome {
			runs++
			if c.halves["m1"].Load() == 0 {
				return mq.Rollback // until it is the turn of m1
			}
			meanwhile()
			return f.decide(txID, ends)
		})
		if err != nil || runs != 1 {
			t.Fatalf("%d local transactions: %v", runs, err)
		}
	}
}

// ended tells how the last half message of a broker ended, as the protocol has it, and nil while it is open.
func (c *clusterTest) ended(master string) any {
	if len(c.brokers[master].HalfMessages()) > 0 {
		return nil
	}
	key, _ := c.keys.Load(master)
	end, _ := c.ends.Load(key)
	return end
}

// The first master stores the half message and says so when the second one has it as well: it is told to roll back, whatever
// becomes of the transaction, while that runs and when it is over.
func TestHalfStoredLateIsRolledBack(t *testing.T) {
	t.Parallel()
	for ends, messages := range map[mq.Outcome]int{mq.Commit: 1, mq.Rollback: 0} {
		for _, whileLocalRuns := range []bool{false, true} {
			f, release := newFence(), make(chan struct{})
			c := newClusterTest(t, f.check)
			mq.WaitForLate(c.transactor, patience) // the client library ends it after three seconds
			c.when("m1", broker.Hold(release))
			rolledBack := func() {
				close(release)
				c.home.eventually(t, "the rollback at m1", func() bool { return c.ended("m1") == rollback })
			}
			if whileLocalRuns {
				c.sendTwice(t, f, ends, rolledBack)
			} else {
				c.sendTwice(t, f, ends, func() {})
				rolledBack()
			}
			c.home.eventually(t, "the end at m2", func() bool { return c.ended("m2") != nil && c.delivered() == messages })
			if got := c.bus.Stats(); got.ChecksCommitted+got.ChecksRolledBack+got.ChecksUnknown > 0 {
				t.Errorf("checked back: %+v", got)
			}
		}
	}
}

// The first master stores the half message, and its answer is lost: it checks back, and learns what became of the transaction
// that the second one's half message has run. A commit delivers a second time, which consumers bear.
func TestHalfStoredTwiceIsCheckedBackAsOne(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]broker.Verdict{"answer lost": broker.DropReply, "connection cut": broker.Cut} {
		for ends, messages := range map[mq.Outcome]int{mq.Commit: 2, mq.Rollback: 0} {
			f := newFence()
			c := newClusterTest(t, f.check)
			c.when("m1", fault)
			c.sendTwice(t, f, ends, func() {})
			home{broker: c.brokers["m1"]}.eventually(t, "the check-back", func() bool {
				return c.ended("m1") != nil && c.ended("m2") != nil && c.delivered() == messages
			})
			got := c.bus.Stats()
			if c.delivered() != messages || got.ChecksCommitted != int64(messages)/2 || got.ChecksRolledBack != 1-int64(messages)/2 {
				t.Errorf("%s, outcome %d: %d messages, want %d; stats are %+v", name, ends, c.delivered(), messages, got)
			}
		}
	}
}
