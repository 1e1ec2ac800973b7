package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// masterSays is what a master says to a half message, how long after it was asked, and whether its local transaction has begun
// then.
type masterSays struct {
	after time.Duration
	err   error
	begun bool
	found time.Duration // what the client library takes to choose the first master
}

// silence is the answer of a master that does not answer: the client library gives it up.
func silence() masterSays {
	return masterSays{after: tryTimeout, err: notSent(context.DeadlineExceeded)}
}

// runTries sends a half message to masters that say in turn what is given, and tells when each was asked, when run returned
// and with what. Its clock is the bubble's.
func runTries(t *testing.T, says ...masterSays) (asked []time.Duration, returned time.Duration, err error) {
	t.Helper()
	m := newMasters(slog.New(slog.DiscardHandler), nil)
	var queues []*primitive.MessageQueue
	for i := range says {
		queues = append(queues, &primitive.MessageQueue{Topic: "t", BrokerName: fmt.Sprint(i)})
	}
	var mu sync.Mutex // of asked
	begin, begun, pool := time.Now(), make(chan struct{}), newCallPool(maxCalls)
	find := sync.OnceFunc(func() { time.Sleep(says[0].found) })
	h := halfTries{masters: m, calls: pool, begun: begun, others: new(atomic.Int64), wait: lateTimeout,
		compose: func() *primitive.Message { return newMessage(t.Context(), namespace{}, "t", "k", nil) },
		send: func(_ context.Context, message *primitive.Message) error {
			find()
			m.Select(message, queues, "")
			mu.Lock()
			s := says[len(asked)]
			asked = append(asked, time.Since(begin))
			mu.Unlock()
			time.Sleep(s.after)
			if s.begun {
				close(begun)
				time.Sleep(2 * time.Second) // the local transaction
			}
			return s.err
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), HalfTimeout)
	defer cancel()
	err = h.run(ctx)
	returned = time.Since(begin)
	if err := pool.close(t.Context()); err != nil {
		t.Error(err)
	}
	return asked, returned, err
}

// Whoever buys waits for no master that has refused, for a silent one 250 ms, for all of them together 800 ms, and for a local
// transaction as long as it takes; and no other master is asked then.
func TestWhenAnotherMasterIsAsked(t *testing.T) {
	refused := masterSays{err: fmt.Errorf("refused: %w", ErrUnavailable)}
	stored := masterSays{after: time.Millisecond, begun: true}
	illegal := masterSays{err: errors.New("illegal")}
	const ms = time.Millisecond
	at := func(ms ...time.Duration) (times []time.Duration) {
		for _, n := range ms {
			times = append(times, n*time.Millisecond)
		}
		return times
	}
	for name, c := range map[string]struct {
		says     []masterSays
		asked    []time.Duration
		returned time.Duration
		fails    bool
	}{
		"stored":                     {[]masterSays{stored, stored}, at(0), ms, false},
		"stored slowly":              {[]masterSays{{after: 249 * ms, begun: true}, stored}, at(0), 249 * ms, false},
		"refused, stored":            {[]masterSays{refused, stored}, at(0, 0), ms, false},
		"all refuse":                 {[]masterSays{refused, refused, refused}, at(0, 0, 0), 0, true},
		"illegal":                    {[]masterSays{illegal, stored}, at(0), 0, true},
		"silent, stored":             {[]masterSays{silence(), stored}, at(0, 250), 251 * ms, false},
		"silent, refused, stored":    {[]masterSays{silence(), refused, stored}, at(0, 250, 250), 251 * ms, false},
		"silent twice":               {[]masterSays{silence(), silence()}, at(0, 250), HalfTimeout, true},
		"silent four times":          {[]masterSays{silence(), silence(), silence(), silence()}, at(0, 250, 500, 750), HalfTimeout, true},
		"the first after the second": {[]masterSays{{after: 300 * ms, begun: true}, silence()}, at(0, 250), 300 * ms, false},
		// The library asked a dead nameserver for the route first, and the silent master after that was waited for to the end.
		"chosen late, silent, stored": {
			[]masterSays{{found: 300 * ms, after: tryTimeout, err: notSent(context.DeadlineExceeded)}, stored}, at(300, 500), 501 * ms, false,
		},
		"the only one is silent": {[]masterSays{silence()}, at(0), HalfTimeout, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, returned, err := runTries(t, c.says...)
				if fmt.Sprint(asked) != fmt.Sprint(c.asked) || returned != c.returned || (err != nil) != c.fails {
					t.Errorf("asked after %v, returned after %v: %v; want %v, %v", asked, returned, err, c.asked, c.returned)
				}
			})
		})
	}
}
