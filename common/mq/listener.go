package mq

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// checkTimeout bounds one check-back: the client hands them over one after the other, so a slow one delays the rest.
const checkTimeout = 3 * time.Second

// Half is a half message that the broker asks about.
type Half struct {
	Topic, TxID string
	Body        []byte
	Born        time.Time // by the clock of the process that sent it
	Checks      int       // which check this is, from 1
}

// CheckFunc says what the local transaction of a half message came to. It gets about three seconds, after which the
// answer is Unknown, as it is after a panic. Rollback is right only when the local transaction can no longer commit.
type CheckFunc func(context.Context, Half) Outcome

// execution is a local transaction that runs at most once, or is abandoned before.
type execution struct {
	run     func() Outcome
	done    chan Outcome // gets the outcome
	mu      sync.Mutex
	settled bool // started or abandoned
}

func newExecution(run func() Outcome) *execution {
	return &execution{run: run, done: make(chan Outcome, 1)}
}

// claim is true for the first caller only.
func (e *execution) claim() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.settled
	e.settled = true
	return first
}

func (e *execution) abandon() bool { return e.claim() }

// listener is the client's TransactionListener.
type listener struct{ t *Transactor }

// ExecuteLocalTransaction runs on the goroutine that sends the half message.
func (l listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	if m.Topic == l.t.bus.name(warmUpTopic) {
		return primitive.RollbackMessageState
	}
	found, ok := l.t.halves.Load(m.GetProperty(propertyTxID))
	e, _ := found.(*execution)
	if !ok || !e.claim() {
		// Its caller has gone: nothing was done, and nothing will be.
		return primitive.RollbackMessageState
	}
	outcome := l.guard("local transaction", m.GetProperty(propertyTxID), e.run)
	e.done <- outcome
	return state(outcome)
}

// CheckLocalTransaction runs on the one goroutine that the client has for check-backs.
func (l listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	if m.Topic == l.t.bus.name(warmUpTopic) {
		return primitive.RollbackMessageState
	}
	checks, _ := strconv.Atoi(m.GetProperty(primitive.PropertyTranscationCheckTimes))
	half := Half{
		Topic: l.t.bus.plainTopic(m.Topic), TxID: m.GetProperty(propertyTxID), Body: m.Body,
		Born: time.UnixMilli(m.BornTimestamp).UTC(), Checks: checks,
	}
	outcome := Unknown
	if err := l.t.bus.checkOwner(&m.Message); err != nil {
		l.t.bus.log.Error("check-back left unknown", "tx_id", half.TxID, "error", err)
	} else if half.TxID == "" {
		l.t.bus.log.Error("half message without a transaction id", "topic", m.Topic, "msg_id", m.MsgId)
	} else {
		outcome = l.ask(extractTrace(context.Background(), &m.Message), half)
	}
	l.t.bus.counters.checked(outcome)
	return state(outcome)
}

// ask calls CheckFunc on a goroutine of its own, so that one that hangs in spite of its context costs a slot and not all
// check-backs.
func (l listener) ask(ctx context.Context, half Half) Outcome {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := make(chan Outcome, 1)
	err := l.t.checks.tryRun(func() {
		answer <- l.guard("check-back", half.TxID, func() Outcome { return l.t.check(ctx, half) })
	})
	if err != nil {
		l.t.bus.log.Warn("check-back left unknown", "tx_id", half.TxID, "error", err)
		return Unknown
	}
	select {
	case outcome := <-answer:
		return outcome
	case <-ctx.Done():
		l.t.bus.log.Warn("check-back left unknown", "tx_id", half.TxID, "error", ctx.Err())
		return Unknown
	}
}

// guard turns a panic into Unknown: in the client it would end the check-backs of this process for good.
func (l listener) guard(what, txID string, run func() Outcome) (outcome Outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			l.t.bus.log.Error(what+" panicked", "tx_id", txID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			outcome = Unknown
		}
	}()
	return run()
}

func state(o Outcome) primitive.LocalTransactionState {
	switch o {
	case Commit:
		return primitive.CommitMessageState
	case Rollback:
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}
