package mq

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/common/failpoint"
	"boxoffice/common/tracing"
)

const (
	// CheckTimeout bounds one check-back: the client library hands them over one after the other, so a slow one delays
	// the rest.
	CheckTimeout = 3 * time.Second
	// maxChecks bounds the calls of CheckFunc at once; there is more than one only after a timeout.
	maxChecks = 16
)

// localTransaction is the local transaction of one half message. It runs at most once, or is abandoned before it has
// begun: whoever claims it first decides.
type localTransaction struct {
	run     func() Outcome
	outcome chan Outcome  // gets the outcome of run
	begun   chan struct{} // closed once it is claimed
	claimed atomic.Bool
}

func newLocalTransaction(run func() Outcome) *localTransaction {
	return &localTransaction{run: run, outcome: make(chan Outcome, 1), begun: make(chan struct{})}
}

// claim is true for the first caller only.
func (t *localTransaction) claim() bool {
	first := t.claimed.CompareAndSwap(false, true)
	if first {
		close(t.begun)
	}
	return first
}

// abandon keeps the transaction from running; it is false when it runs or has run.
func (t *localTransaction) abandon() bool { return t.claim() }

// listener runs local transactions and answers check-backs when the client library asks for it, as its
// TransactionListener.
type listener struct {
	namespace namespace
	check     CheckFunc
	checks    *callPool // of calls of check
	inFlight  sync.Map  // transaction id -> *localTransaction, of the half messages being sent by this process
	counters  *counters
	tracer    *tracing.Tracer
	log       *slog.Logger
}

// ExecuteLocalTransaction is called on the goroutine that sends the half message, once the broker has stored it.
func (l *listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	if m.Topic == l.namespace.qualify(warmUpTopic) {
		return primitive.RollbackMessageState
	}
	txID := m.GetProperty(propertyTxID)
	found, ok := l.inFlight.Load(txID)
	t, _ := found.(*localTransaction)
	if !ok || !t.claim() {
		// Another master has stored it before, and gets the outcome; or its caller was told that it is not sent, and nothing
		// was done nor will be.
		return primitive.RollbackMessageState
	}
	outcome := l.recovered("local transaction", txID, t.run)
	failpoint.Hit("half.before-outcome")
	t.outcome <- outcome
	return clientState(outcome)
}

// CheckLocalTransaction is called on the one goroutine that the client library has for check-backs.
func (l *listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	if m.Topic == l.namespace.qualify(warmUpTopic) {
		return primitive.RollbackMessageState
	}
	checks, _ := strconv.Atoi(m.GetProperty(primitive.PropertyTranscationCheckTimes))
	half := Half{
		Topic: l.namespace.plainTopic(m.Topic), TxID: m.GetProperty(propertyTxID), Body: m.Body,
		Born: time.UnixMilli(m.BornTimestamp).UTC(), Checks: checks,
	}
	outcome := Unknown
	if err := l.namespace.checkOwner(&m.Message); err != nil {
		l.log.Error("check-back left unknown", "tx_id", half.TxID, "error", err)
	} else if half.TxID == "" {
		l.log.Error("half message without a transaction id", "topic", m.Topic, "msg_id", m.MsgId)
	} else {
		ctx, step := startCheck(context.Background(), l.tracer, m)
		outcome = l.callCheck(ctx, half)
		step.End(nil)
	}
	l.counters.countCheck(outcome)
	return clientState(outcome)
}

// callCheck calls CheckFunc on a goroutine of its own, so that one that hangs in spite of its context costs a slot and
// not all check-backs.
func (l *listener) callCheck(ctx context.Context, half Half) Outcome {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	answer := make(chan Outcome, 1)
	err := l.checks.tryRun(func() {
		answer <- l.recovered("check-back", half.TxID, func() Outcome { return l.check(ctx, half) })
	})
	if err != nil {
		l.log.Warn("check-back left unknown", "tx_id", half.TxID, "error", err)
		return Unknown
	}
	select {
	case outcome := <-answer:
		return outcome
	case <-ctx.Done():
		l.log.Warn("check-back left unknown", "tx_id", half.TxID, "error", ctx.Err())
		return Unknown
	}
}

// recovered calls run and turns a panic into Unknown: in the client library it would end the check-backs of this process
// for good.
func (l *listener) recovered(what, txID string, run func() Outcome) (outcome Outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			l.log.Error("a callback panicked", "callback", what, "tx_id", txID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			outcome = Unknown
		}
	}()
	return run()
}

// clientState is the outcome in the client library's words.
func clientState(o Outcome) primitive.LocalTransactionState {
	switch o {
	case Commit:
		return primitive.CommitMessageState
	case Rollback:
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}
