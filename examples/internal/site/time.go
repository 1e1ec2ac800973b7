package site

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

const (
	receiveTimeout = 2 * time.Minute // a real broker asks about a transaction after 6 to 36 s, and repeats a message after 10
	pendingTimeout = 30 * time.Second
	poll           = 2 * time.Millisecond
	checkPause     = 100 * time.Millisecond // a producer has this to answer, before it is asked again
	checkAfter     = 6 * time.Second        // what a half message's age is, by RocketMQ's default, when its producer is asked
	arrivalSlack   = 2 * time.Second        // by which a real broker may be late with a delayed message
)

// Receive waits for what a consumer's handler tells, and gives up after two minutes.
func Receive[T any](from <-chan T) (T, error) {
	timer := time.NewTimer(receiveTimeout)
	defer timer.Stop()
	select {
	case told := <-from:
		return told, nil
	case <-timer.C:
		var nothing T
		return nothing, errors.New("nothing came within two minutes")
	}
}

// Tell waits for what a consumer's handler says, and writes it as a line.
func Tell(out io.Writer, from <-chan string) error {
	sentence, err := Receive(from)
	if err == nil {
		_, err = fmt.Fprintln(out, sentence)
	}
	return err
}

// ReceiveSet waits until n different ones have come, and returns them sorted: a consumer has many hands, so messages come in
// any sequence, and each may come twice.
func ReceiveSet(from <-chan string, n int) ([]string, error) {
	come := make(map[string]bool, n)
	for len(come) < n {
		told, err := Receive(from)
		if err != nil {
			return nil, err
		}
		come[told] = true
	}
	return slices.Sorted(maps.Keys(come)), nil
}

// Pass lets a delay pass for a message that waits: the embedded broker's clock is put forward once one waits, and for a
// real broker the time is waited.
func (s *Site) Pass(d time.Duration) error {
	if s.Broker == nil {
		<-time.After(d + arrivalSlack)
		return nil
	}
	deadline := time.Now().Add(pendingTimeout)
	for s.Broker.PendingDelays() == 0 {
		if time.Now().After(deadline) {
			return errors.New("no message waits for the time to pass")
		}
		<-time.After(poll)
	}
	s.Broker.Advance(d)
	return nil
}

// CheckBack has the embedded broker ask what became of the transactions in doubt, until none is. It may ask more than once,
// as every broker may. A real broker asks by itself, after 6 to 36 s.
func (s *Site) CheckBack() error {
	if s.Broker == nil {
		return nil
	}
	deadline := time.Now().Add(pendingTimeout)
	for s.Broker.Advance(checkAfter); len(s.Broker.HalfMessages()) > 0; <-time.After(checkPause) {
		if time.Now().After(deadline) {
			return errors.New("a transaction stays in doubt")
		}
		s.Broker.CheckNow()
	}
	return nil
}
