package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
	"boxoffice/order"
	"boxoffice/tickets"
)

const sendPage = 64 // notifications of one channel in one pass

// SendEvery sends what is due, by every channel that has a Sender, now and after each pause until ctx ends. Any number of
// processes may do so; they share the work.
//
// Each message is sent by one worker at a time, which claims its row first, until a lease ends. A worker that dies after the
// message was taken and before its row says so leaves it to another one, which sends it again: then it comes twice, with the
// same ID, which a mail has as its Message-ID. No way of sending mail can rule that out; a mail that is lost would be worse.
func (s *Service) SendEvery(ctx context.Context, pause time.Duration) {
	var running sync.WaitGroup
	for channel := range s.Senders {
		running.Go(func() { s.repeat(ctx, channel, pause) })
	}
	running.Wait()
}

// repeat makes one pass of a channel after another, with a pause when there is nothing to do or nobody to take it.
func (s *Service) repeat(ctx context.Context, channel Channel, pause time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	failing := false
	for {
		n, err := s.sendNext(ctx, channel)
		if err != nil && !failing && ctx.Err() == nil && !isOutage(err) { // of an outage there is a line already
			s.Log.ErrorContext(ctx, "send notifications", "channel", channel, "error", err)
		}
		failing = err != nil
		if n > 0 && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sendNext sends a channel's notifications whose time has come, and returns how many there were. It stops, with an error, as
// soon as a try shows that somebody is away who is needed for all.
func (s *Service) sendNext(ctx context.Context, channel Channel) (int, error) {
	rows, err := readRows(ctx, s.db, `WHERE state = 'due' AND channel = ? AND next_at <= ? ORDER BY next_at LIMIT ?`,
		string(channel), s.Now().UnixMilli(), sendPage)
	if err != nil {
		return 0, s.unavailable(err)
	}
	var away atomic.Bool
	var group errgroup.Group
	group.SetLimit(s.Workers)
	for _, r := range rows {
		group.Go(func() error {
			if away.Load() || ctx.Err() != nil {
				return nil
			}
			err := s.sendOne(ctx, r)
			if isOutage(err) {
				away.Store(true)
				return err
			}
			if err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "send a notification", "notification", r.ID, "error", err)
			}
			return nil
		})
	}
	return len(rows), group.Wait()
}

// isOutage tells an error that says nothing about the message on which it came.
func isOutage(err error) bool {
	for _, known := range []error{ErrAway, ErrUnavailable, order.ErrUnavailable, tickets.ErrUnavailable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// sendOne claims a notification, tries it, and writes what came of it, which it does also while the process stops.
func (s *Service) sendOne(ctx context.Context, r row) error {
	lease := s.Now().Add(claimLease)
	if err := claimRow(ctx, s.db, r, s.Process, lease); err != nil {
		if errors.Is(err, db.ErrConflict) {
			return nil // another worker has it
		}
		return s.unavailable(err)
	}
	r.NextAt, r.Tries = lease.UnixMilli(), r.Tries+1
	failpoint.Hit("mail.claimed")
	to, err := s.try(ctx, r)
	failpoint.Hit("mail.sent")
	if err != nil && ctx.Err() != nil {
		return err // the process stops: another one has it after the lease
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	finishErr := finishRow(write, s.db, r, s.outcomeOf(r, to, err), s.Now())
	if errors.Is(finishErr, db.ErrConflict) {
		s.Log.WarnContext(ctx, "a notification took longer than its lease, and may have been sent twice", "notification", r.ID)
		finishErr = nil
	}
	if finishErr != nil {
		return errors.Join(err, s.unavailable(finishErr))
	}
	if _, skipped := errors.AsType[obsoleteError](err); skipped || errors.Is(err, errNotYet) {
		return nil
	}
	return err
}

// obsoleteError says that there is nothing to send any more.
type obsoleteError struct{ why string }

func (e obsoleteError) Error() string { return e.why }

// try sends a claimed notification if it is still true, and returns where to. Whatever one notification can do to who sends
// it, the others go on.
func (s *Service) try(ctx context.Context, r row) (to string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("sending panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	f, err := s.look(ctx, r)
	if err != nil {
		return "", err
	}
	to = f.contact.at(r.Channel)
	why, err := f.obsolete(r, s.Now())
	if err != nil {
		return to, err
	}
	if why != "" {
		return to, obsoleteError{why}
	}
	m, err := s.messageOf(ctx, r, f)
	if err != nil {
		return to, err
	}
	err = s.Senders[r.Channel].Send(ctx, m)
	if errors.Is(err, ErrAway) {
		s.outages[r.Channel].Observe(err)
	} else {
		s.outages[r.Channel].Observe(nil)
	}
	return to, err
}

// outcomeOf says what a try makes of a notification. An outage counts as a try until the pauses are long, and makes nothing
// dead before a week is over: a mail server that was down for a day is no reason to write to nobody, nor is that it takes
// little at a time when it comes back.
func (s *Service) outcomeOf(r row, to string, err error) outcome {
	now := s.Now()
	o := outcome{state: StateDue, tries: r.Tries, to: to, next: now.Add(pauseAfter(r.Tries))}
	if err == nil {
		o.state = StateSent
		return o
	}
	o.lastError = err.Error()
	_, skipped := errors.AsType[obsoleteError](err)
	isOld := now.Sub(time.UnixMilli(r.CreatedAt)) >= giveUp
	last := s.MaxTries
	if isOutage(err) {
		last = max(s.MaxTries-triesLeft, 1)
		o.tries = min(o.tries, last)
	}
	switch {
	case skipped:
		o.state, o.to = StateSkipped, ""
	case errors.Is(err, ErrRefused), r.Tries >= last && (!isOutage(err) || isOld):
		o.state = StateDead
	}
	return o
}
