package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"boxoffice/order"
)

const (
	workPause   = time.Second // between two looks for work
	strandPause = time.Minute // between two looks for money that bought nothing
	workLimit   = 64          // rows of one kind in one pass
)

// job is one kind of work for one provider. Each has a loop of its own: a provider that hangs holds up nobody else's.
type job struct {
	name  string
	pause time.Duration
	pass  func(context.Context) (int, error) // returns how many rows it has worked on
	paced bool                               // it pauses after a pass that has found work, too
}

// jobs are all that is done in the background: each provider's attempts are asked for, its refunds are sent, stock is asked
// for the tickets of orders that were paid late and told of those that return, money that waited too long for an order is
// made a refund, what nobody can do is left to a person, and it is published which refunds are back.
func (s *Service) jobs() []job {
	jobs := []job{
		{name: "send back money without an order", pause: strandPause, pass: func(ctx context.Context) (int, error) {
			_, err := s.Orders.RefundStranded(ctx, s.Now().Add(-s.ParkedLimit), s.KeepParked)
			return 0, err
		}},
		{name: "ask for the tickets of late payments", pause: workPause, pass: s.Orders.WantTickets},
		{name: "return the tickets of cancelled orders", pause: workPause, pass: s.Orders.AnnounceReturned},
		// Of each order of a restored database many payments are asked for, and providers bound how many questions they answer.
		{name: "look for payments of restored orders", pause: searchPassPause, pass: s.searchRestored, paced: true},
		{name: "leave work of providers that are gone", pause: strandPause, pass: s.leaveGone},
	}
	add := func(name string, pause time.Duration, pass func(context.Context) (int, error)) {
		jobs = append(jobs, job{name: name, pause: pause, pass: pass})
	}
	for _, p := range s.Options.Providers {
		add("ask "+p.Name(), workPause, func(ctx context.Context) (int, error) { return s.askNext(ctx, p, workLimit) })
		add("take back refunds of "+p.Name(), strandPause, func(ctx context.Context) (int, error) { return s.takeBack(ctx, p) })
		add("send refunds by "+p.Name(), workPause, func(ctx context.Context) (int, error) { return s.sendNext(ctx, p, workLimit) })
	}
	if s.TellRefunds != nil {
		add("tell of refunds", workPause, s.tellRefunds)
	}
	return jobs
}

// Run does all jobs until ctx ends. Any number of processes may run it; they share the work.
func (s *Service) Run(ctx context.Context) {
	s.warnOfGone(ctx)
	s.warnOfOtherAccounts(ctx)
	var running sync.WaitGroup
	for _, j := range s.jobs() {
		running.Go(func() { s.repeat(ctx, j) })
	}
	running.Wait()
}

// repeat does a job again and again, with a pause when there is nothing to do, or always. It logs an outage once.
func (s *Service) repeat(ctx context.Context, j job) {
	ticker := time.NewTicker(j.pause)
	defer ticker.Stop()
	failing := false
	for {
		n, err := j.pass(ctx)
		if err != nil && !failing && ctx.Err() == nil && !errors.Is(err, order.ErrUnavailable) { // of an outage there is a line already
			s.Log.ErrorContext(ctx, "work on payments", "job", j.name, "error", err)
		}
		failing = err != nil
		if n > 0 && !j.paced && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Work does every job until it finds nothing to do.
func (s *Service) Work(ctx context.Context) error {
	var failed error
	for _, j := range s.jobs() {
		for n := 1; n > 0; {
			var err error
			if n, err = j.pass(ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", j.name, err))
				break
			}
		}
	}
	return failed
}

// askNext asks a provider for attempts whose time has come, and returns how many there were: callbacks can be lost. An
// attempt whose order is final is closed. It fails when no attempt can be claimed, since the same ones are then due again.
func (s *Service) askNext(ctx context.Context, p Provider, limit int) (int, error) {
	rows, err := s.openAttempts(ctx, p.Name(), s.Now(), limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.OrderID
	}
	orders, err := s.Orders.Find(ctx, ids...)
	if err != nil {
		return 0, err
	}
	return len(rows), sideBySide(rows, s.atOnce(askWorkers), func(row attemptRow) error {
		found, exists := orders[row.OrderID]
		err := s.askOne(ctx, p, row, !exists || found.State != order.PendingPayment) // one that is gone is in the archive
		return s.passOver(ctx, err, "ask for a payment", "provider", row.Provider, "attempt_id", row.ID)
	})
}

// askOne claims an attempt, asks for it, and says when it is asked for again. One whose provider calls it open is asked for until
// that ends, since a bank may take days: were it given up, money whose callback is lost would be found by nobody.
func (s *Service) askOne(ctx context.Context, p Provider, row attemptRow, orderIsFinal bool) error {
	lease := s.Now().Add(claimLease)
	err := s.claimAttempt(ctx, row, lease)
	if err != nil {
		return err
	}
	if orderIsFinal {
		err = s.finish(ctx, p, row)
	} else {
		err = s.query(ctx, p, row)
	}
	if err == nil {
		return nil
	}
	now := s.Now()
	if errors.Is(err, errStillOpen) {
		err, row.AnsweredAt = nil, now.UnixMilli()
	}
	if err != nil && orderIsFinal && now.Sub(time.UnixMilli(max(row.ExpiresAt, row.AnsweredAt))) > giveUpPause(err) {
		s.Log.WarnContext(ctx, "a payment is given up: its provider cannot say how it stands", "provider", row.Provider, "attempt_id", row.ID,
			"order_id", row.OrderID, "error", err)
		return errors.Join(err, s.closeAttempt(ctx, row.Provider, row.ID, Closed))
	}
	pause := askPause(row.Tries + 1)
	if now.Sub(time.UnixMilli(row.ExpiresAt)) > giveUpAfter {
		pause = overdueAskPause
	}
	// The lease is another one's if the order has ended meanwhile: then the attempt is due now.
	return errors.Join(err, s.change(ctx, `UPDATE payment_attempts SET next_at = ?, answered_at = ? WHERE id = ?
		AND state IN ('starting', 'open') AND next_at = ?`, now.Add(pause).UnixMilli(), row.AnsweredAt, row.ID, lease.UnixMilli()))
}

// searchRestored asks every provider for the forgotten payments of restored orders that have ended, closes what can still be paid,
// and returns how many orders were asked for. What came for them is recorded as any late payment. For an order of which a provider
// had no turn left nothing is counted.
func (s *Service) searchRestored(ctx context.Context) (int, error) {
	if len(s.Providers()) == 0 {
		return 0, nil
	}
	rows, err := s.claimSearches(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.OrderID
	}
	attempts, err := s.attemptsOf(ctx, ids...)
	if err != nil {
		return 0, err
	}
	forgotten, err := s.forgotten(ctx, ids, attempts)
	if err != nil {
		return 0, err
	}
	groups, later := s.takeTurns(forgotten)
	unanswered := s.askAll(ctx, groups)
	if err := ctx.Err(); err != nil {
		return 0, err // the process stops: they are due again after the lease
	}
	var found []string
	for _, row := range rows {
		switch {
		case later[row.OrderID]:
			err = s.searchUntried(ctx, row)
		case unanswered[row.OrderID]:
			err = s.searchLater(ctx, row)
		default:
			found = append(found, row.OrderID)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(rows) - len(later), s.endSearch(ctx, found)
}

// giveUpPause is how long an attempt of a final order is asked for in vain that fails with err.
func giveUpPause(err error) time.Duration {
	if errors.Is(err, ErrRefused) {
		return giveUpRefusedAfter
	}
	return giveUpAfter
}
