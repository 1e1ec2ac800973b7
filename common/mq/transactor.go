package mq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/common/failpoint"
	"boxoffice/common/tracing"
)

const (
	warmUpTries = 5
	warmUpPause = 200 * time.Millisecond
	warmUpKey   = "warm-up"
	// HalfTimeout bounds the way of a half message to the broker: a connection that breaks does not end the client
	// library's wait for an answer, and whoever buys is to be told within a second that nobody answers.
	HalfTimeout = 800 * time.Millisecond
	// lateTimeout is how long a master is waited for that may answer when another one has stored the half message, and is
	// told to roll back then. Its connection is waited for no longer than dialTimeout.
	lateTimeout = time.Second
)

// Transactor sends half messages, runs their local transactions and answers check-backs. Make one with
// Bus.NewTransactor; it may be used concurrently.
type Transactor struct {
	bus      *Bus
	producer rocketmq.TransactionProducer
	masters  *masters
	listener *listener
	calls    *callPool
	late     time.Duration // lateTimeout
	once     sync.Once
	err      error // of Close
}

// NewTransactor starts a transactional producer of a group. check must be able to answer for every transaction of the
// group, whichever process began it. The producer is known to the brokers, and gets check-backs, within about a second
// of NewTransactor's return. Provision must have been called once; otherwise it fails with ErrUnavailable.
func (b *Bus) NewTransactor(ctx context.Context, group string, check CheckFunc) (*Transactor, error) {
	if err := b.namespace.checkGroup(group); err != nil {
		return nil, fmt.Errorf("start transactor: %w", err)
	}
	if err := b.servers.checkRoute(ctx, b.namespace.qualify(warmUpTopic)); err != nil {
		return nil, fmt.Errorf("start transactor: %w", err)
	}
	var failed error
	for range warmUpTries {
		t, err := b.startTransactor(ctx, group, check)
		if err == nil {
			if err := b.addCloser(t.Close); err != nil {
				return nil, errors.Join(err, t.Close(ctx))
			}
			return t, nil
		}
		failed = err
		select {
		case <-time.After(warmUpPause):
		case <-ctx.Done():
			return nil, errors.Join(failed, ctx.Err())
		}
	}
	return nil, failed
}

// startTransactor makes a transactional producer and sends a half message right after its start. The client library
// heartbeats only to brokers that it has looked up for a send, one second after its start and then every 30 seconds:
// without a first send within that second a restarted process would get no check-backs for half a minute, while the
// broker counts them up. A producer whose first send fails has missed its heartbeat, so the next attempt takes a new one.
func (b *Bus) startTransactor(ctx context.Context, group string, check CheckFunc) (*Transactor, error) {
	l := &listener{namespace: b.namespace, check: check, checks: newCallPool(maxChecks), counters: &b.counters,
		tracer: b.tracer, log: b.log}
	masters := newMasters(b.log, b.servers.reach)
	p, err := producer.NewTransactionProducer(l, producerOptions(b.servers, masters, b.namespace.qualify(group), b.instances.next("transact"))...)
	if err != nil {
		return nil, fmt.Errorf("make transactional producer of group %q: %w", group, err)
	}
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start transactional producer of group %q: %w", group, err)
	}
	t := &Transactor{bus: b, producer: p, masters: masters, listener: l, calls: newCallPool(maxCalls), late: lateTimeout}
	if err := t.sendWarmUp(ctx, tryTimeout); err != nil {
		return nil, errors.Join(fmt.Errorf("send warm-up message: %w", err), p.Shutdown())
	}
	return t, nil
}

// sendWarmUp sends a half message that nobody gets, because the listener rolls it back.
func (t *Transactor) sendWarmUp(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	compose := func() *primitive.Message {
		return newMessage(ctx, t.bus.namespace, warmUpTopic, warmUpKey, []byte(warmUpKey))
	}
	others := new(atomic.Int64) // of no interest: nobody gets this message
	tries := halfTries{masters: t.masters, calls: t.calls, compose: compose, send: t.sendInTransaction, others: others, wait: timeout}
	return tries.run(ctx)
}

// Close lets no more half messages in, waits for the local transactions and checks that run, or until ctx ends, and
// ends the producer. Halves left undecided are checked back by another process of the group, or by the next one.
func (t *Transactor) Close(ctx context.Context) error {
	t.once.Do(func() {
		// 1. No more halves; those in flight get their commit or rollback sent.
		t.err = t.calls.close(ctx)
		// 2. No more calls of CheckFunc: what it reads may be closed after us.
		t.err = errors.Join(t.err, t.listener.checks.close(ctx))
		// 3. The connections.
		t.err = errors.Join(t.err, t.producer.Shutdown())
	})
	return t.err
}

// SendHalf sends payload as a half message and, once a broker has stored it, runs local, whose outcome decides whether the
// message is delivered. txID is the caller's own id of this transaction and must not repeat. A master broker that refuses
// the half message has it sent to another one at once, and one that is silent after 250 ms, of which the time in which the
// client library connects to others is none: behind a connection to one that is off it is up to 500 ms. local runs once.
//
// When local ran, SendHalf returns its outcome and nil, also if ctx ended meanwhile; a panic counts as Unknown. local
// gets ctx without its end, and has to bound itself. Otherwise, when every broker has refused and 800 ms after they did not
// answer, the error wraps ErrNotSent, and local will not run. In either case brokers may have stored further half messages
// of this transaction: the check-back must answer for them all, as for one.
func SendHalf[T any](
	ctx context.Context, t *Transactor, topic Topic[T], txID string, payload T, local func(context.Context) Outcome,
) (outcome Outcome, err error) {
	body, err := encode(topic, txID, payload)
	if err == nil && txID == "" {
		err = errors.New("transaction id is empty")
	}
	if err == nil {
		var step tracing.List
		ctx, step = startSend(ctx, string(topic), txID)
		defer func() { step.End(err) }()
		compose := func() *primitive.Message {
			m := newMessage(ctx, t.bus.namespace, string(topic), txID, body)
			m.WithProperty(propertyTxID, txID)
			return m
		}
		outcome, err = t.send(ctx, txID, compose, newLocalTransaction(func() Outcome { return local(context.WithoutCancel(ctx)) }))
	} else {
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	if err != nil {
		t.bus.counters.halvesFailed.Add(1)
		return Unknown, fmt.Errorf("send half to topic %q: %w", topic, err)
	}
	t.bus.counters.halvesSent.Add(1)
	return outcome, nil
}

// send returns as soon as the outcome is known; the commit or rollback goes out behind it.
func (t *Transactor) send(ctx context.Context, txID string, compose func() *primitive.Message, local *localTransaction) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, HalfTimeout)
	defer cancel()
	if err := t.bus.servers.checkRoute(ctx, compose().Topic); err != nil {
		return Unknown, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	inFlight := &t.listener.inFlight
	if _, taken := inFlight.LoadOrStore(txID, local); taken {
		return Unknown, fmt.Errorf("%w: transaction %q is in flight", ErrNotSent, txID)
	}
	defer inFlight.Delete(txID) // a master that answers later is told to roll back
	send := func(ctx context.Context, m *primitive.Message) error {
		err := t.sendInTransaction(ctx, m)
		failpoint.Hit("half.outcome-sent")
		return err
	}
	others := &t.bus.counters.halvesElsewhere
	tries := halfTries{masters: t.masters, calls: t.calls, compose: compose, send: send, begun: local.begun, others: others, wait: t.late}
	err := tries.run(ctx)
	if local.abandon() {
		return Unknown, err
	}
	return <-local.outcome, nil
}

// sendInTransaction returns nil when the broker has stored m for good, and the client library has so asked the listener
// to run its local transaction.
func (t *Transactor) sendInTransaction(ctx context.Context, m *primitive.Message) (err error) {
	defer recoverSend(t.bus.log, &err)
	removeDelays(m)
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	ctx, free := t.masters.boundDial(ctx, m)
	defer free()
	result, err := t.producer.SendMessageInTransaction(ctx, m)
	if err != nil {
		return notSent(err)
	}
	return checkStatus(result.Status)
}

// CheckStorable sends a half message that nobody gets, and returns nil once a broker has stored it: what a purchase
// needs of the message queue, and nothing else.
func (t *Transactor) CheckStorable(ctx context.Context) error {
	if err := t.sendWarmUp(ctx, HalfTimeout); err != nil {
		return fmt.Errorf("store a half message: %w", err)
	}
	return nil
}
