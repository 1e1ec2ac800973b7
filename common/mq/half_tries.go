package mq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// halfTries asks one master after the other to store a half message, until one has: the next one as soon as one refuses, or
// has said nothing for masterPatience, in which the client library was not connecting to others.
//
// A master that answers too late, or not at all, may have stored the half message all the same, and another one has it as
// well then. Its local transaction runs once, for the first that says so. Any other is told to roll back when it answers,
// and one that does not checks back: it is told what became of the transaction, which is one for all of them. So none is
// rolled back wrongly, and what is delivered twice is what consumers expect of RocketMQ.
type halfTries struct {
	masters *masters
	calls   *callPool
	compose func() *primitive.Message // makes the message anew for each try
	send    func(context.Context, *primitive.Message) error
	begun   <-chan struct{} // closed when the local transaction has begun; nil for a message that has none
	others  *atomic.Int64   // counts the tries after the first
	wait    time.Duration   // for one master's answer, by which it is told what to do with what it has stored
}

// run returns nil as soon as the local transaction has begun or a master has stored the message for good, and otherwise,
// when all have refused or ctx has ended, what they said.
func (h *halfTries) run(ctx context.Context) error {
	tried, answers := &triedMasters{}, make(chan error, maxMastersTried)
	last, err := h.begin(ctx, tried, answers)
	if err != nil {
		return err
	}
	running := 1
	patience := time.NewTimer(masterPatience)
	defer patience.Stop()
	var failed error
	for {
		select {
		case <-h.begun:
			return nil
		case err := <-answers:
			running--
			if err == nil {
				return nil
			}
			failed = joinInLine(failed, err)
			if !errors.Is(err, ErrUnavailable) { // another one would say the same
				return failed
			}
		case <-patience.C:
			if h.hasBegun() {
				return nil
			}
			longer := h.masters.waited(last)
			patience.Reset(cmp.Or(longer, masterPatience)) // the library may not have chosen a master yet, and then nobody knows of another one
			if longer > 0 {
				continue
			}
		case <-ctx.Done():
			return joinInLine(failed, notSent(ctx.Err()))
		}
		if h.masters.anotherThan(tried) {
			if last, err = h.begin(ctx, tried, answers); err != nil {
				return joinInLine(failed, err)
			}
			h.others.Add(1)
			running++
			patience.Reset(masterPatience)
		} else if running == 0 {
			return failed
		}
	}
}

func (h *halfTries) hasBegun() bool {
	select {
	case <-h.begun:
		return true
	default:
		return false
	}
}

// begin starts a try, which may end after ctx.
func (h *halfTries) begin(ctx context.Context, tried *triedMasters, answers chan<- error) (*masterTry, error) {
	message := h.compose()
	t := h.masters.begin(message, tried)
	err := h.calls.run(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.wait)
		defer cancel()
		err := h.send(late, message)
		h.masters.end(t, err)
		answers <- err
	})
	if err != nil {
		h.masters.end(t, err)
		return nil, fmt.Errorf("%w: transactor: %w", ErrNotSent, err)
	}
	return t, nil
}
