package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"boxoffice/common/db"
)

// askWorkers is how many attempts are asked for at once, of one provider.
const askWorkers = 32

// startAt opens an attempt at its provider, also when an earlier call had no answer: to the provider it is the same
// payment.
func (s *Service) startAt(ctx context.Context, p Provider, row attemptRow) (attemptRow, error) {
	if err := row.reach(p); err != nil {
		return row, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	started, err := p.Start(ctx, row.attempt())
	if err := s.answered(p, err); err != nil {
		return row, err
	}
	opened := row
	opened.Reference = started.Reference
	if opened.Action, err = started.Action.encode(); err != nil {
		return opened, s.discard(ctx, p, opened, err)
	}
	opened.ActionUntil = s.until(started.Lives)
	if err := s.openAttempt(ctx, opened, s.Now().Add(askPause(0))); err != nil {
		return row, err
	}
	rows, err := s.attemptsOf(ctx, row.OrderID)
	if err != nil {
		return row, err
	}
	for _, current := range rows {
		if current.ID == row.ID && current.Action != "" {
			return current, nil
		}
	}
	return row, errEnded
}

// startAgain starts an attempt that is open once more, as it is given, and returns it with what its payer has to do now. To the
// provider it is the same payment. It fails with errEnded if it was changed meanwhile.
func (s *Service) startAgain(ctx context.Context, p Provider, row attemptRow) (attemptRow, error) {
	if err := row.reach(p); err != nil {
		return row, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	started, err := p.Start(ctx, row.attempt())
	if err := s.answered(p, err); err != nil {
		return row, err
	}
	if row.Action, err = started.Action.encode(); err != nil {
		return row, err
	}
	row.ActionUntil = s.until(started.Lives)
	err = s.reopenAttempt(ctx, row)
	if errors.Is(err, db.ErrConflict) {
		err = errEnded
	}
	return row, err
}

// until is when an action is dead that lives for so long, in Unix milliseconds; 0 for never.
func (s *Service) until(lives time.Duration) int64 {
	if lives <= 0 {
		return 0
	}
	return s.Now().Add(lives).UnixMilli()
}

// discard closes an attempt that no payer could pay, because of what its provider has answered, and fails with ErrRefused.
// When the provider cannot close it either, it is started, and closed, again.
func (s *Service) discard(ctx context.Context, p Provider, row attemptRow, why error) error {
	status, err := p.Close(ctx, row.attempt())
	if err := s.answered(p, err); err != nil {
		return errors.Join(why, err)
	}
	if err := s.learn(ctx, row, status); err != nil {
		return errors.Join(why, ErrProviderAway, err)
	}
	return fmt.Errorf("%w: %w", ErrRefused, why)
}

// query asks how an attempt stands, and leaves it open.
func (s *Service) query(ctx context.Context, p Provider, row attemptRow) error {
	if err := row.reach(p); err != nil {
		return err
	}
	if row.State == starting {
		row, err := s.startAt(ctx, p, row)
		return s.learnIfPaid(ctx, p, row, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.Query(ctx, row.attempt())
	if err := s.answered(p, err); err != nil {
		return err
	}
	return s.learn(ctx, row, status)
}

// finish brings an attempt to its end: it closes it at its provider, and records money that was faster.
func (s *Service) finish(ctx context.Context, p Provider, row attemptRow) error {
	if row.State == starting { // tells what the first start has done
		started, err := s.startAt(ctx, p, row)
		if err != nil && !errors.Is(err, ErrRefused) { // what is refused now may have been opened before
			return s.learnIfPaid(ctx, p, row, err)
		}
		row = started
	}
	return s.closeAt(ctx, p, row)
}

// closeAt closes an attempt at its provider, and records what that says of it. One that a provider refuses to close may be paid, or
// closed already: it is asked for. What is open still has to be closed.
func (s *Service) closeAt(ctx context.Context, p Provider, row attemptRow) error {
	if err := row.reach(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.Close(ctx, row.attempt())
	if refused := s.answered(p, err); refused != nil {
		if !errors.Is(refused, ErrRefused) {
			return refused
		}
		status, err = p.Query(ctx, row.attempt())
		if err := s.answered(p, err); err != nil {
			return err
		}
	}
	return s.learn(ctx, row, status)
}

// wasAnswered tells whether a provider has answered a call that failed, or at least its network has: another call is worth its
// while.
func wasAnswered(err error) bool {
	return errors.Is(err, ErrProviderAway) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// learnIfPaid asks for an attempt whose start has failed: an earlier start may have been paid, after which some providers answer
// none, or none with other parameters. It records the money and returns nil, or returns why the start has failed. Only money is
// believed: what the provider does not know, or calls closed, the start that has failed may open yet.
func (s *Service) learnIfPaid(ctx context.Context, p Provider, row attemptRow, why error) error {
	if !wasAnswered(why) {
		return why
	}
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err := p.Query(asking, row.attempt()) // whether the provider is away its start has told
	if err != nil || len(status.Payments) == 0 {
		return why
	}
	return s.learn(ctx, row, status)
}

// learn records what a provider has answered about an attempt.
func (s *Service) learn(ctx context.Context, row attemptRow, status Status) error {
	recorded, err := s.recordedPayments(ctx, row.Provider, status.Payments)
	if err != nil {
		return err
	}
	for _, payment := range status.Payments {
		if payment.OrderID == "" {
			payment.OrderID = row.OrderID
		}
		isRecorded := recorded[recordOf(row.Provider, payment)]
		if err := s.learnOfPayment(ctx, row, payment, isRecorded, status.State != Open); err != nil {
			return err
		}
	}
	if status.State == Paid && len(status.Payments) == 0 {
		return fmt.Errorf("attempt %s: %w", row.ID, errPaidNothing)
	}
	if status.State == Open {
		return fmt.Errorf("attempt %s: %w", row.ID, errStillOpen)
	}
	return s.closeAttempt(ctx, row.Provider, row.ID, status.State)
}

// learnOfPayment records a payment that is not recorded yet, by which the other attempts of an order end that it has paid. One
// that is recorded is left alone: mostly a callback was faster, and one of them among new ones would keep a whole batch of these
// from being recorded together. But an earlier answer may have come as far as that, and no further. What it has left undone is done
// with the answer that ends the attempt: of two attempts that stay open, each would have the other asked for at once, without an
// end.
func (s *Service) learnOfPayment(ctx context.Context, row attemptRow, payment Payment, isRecorded, ends bool) error {
	if invalid := payment.invalidAmount(); invalid != "" {
		return fmt.Errorf("attempt %s: answer cannot be taken: %s", row.ID, invalid)
	}
	if !isRecorded {
		payment.AttemptID = row.ID
		_, err := s.pay(ctx, row.Provider, payment, "query:"+row.ID)
		return err
	}
	if !ends {
		return nil
	}
	return s.endLeft(ctx, payment.OrderID, row.ID)
}

// errPaidNothing says that an answer cannot be believed: were it, the order would be cancelled with nobody asking again.
var errPaidNothing = errors.New("the provider says that it is paid, and names no payment")

// takeTurns sorts the open attempts by their providers, and takes a turn at each of these, which askAll ends. later are the
// orders with a provider at which there is none left.
func (s *Service) takeTurns(attempts []attemptRow) (groups map[string][]attemptRow, later map[string]bool) {
	groups, later = map[string][]attemptRow{}, map[string]bool{}
	for _, row := range attempts {
		if !row.isFinal() {
			groups[row.Provider] = append(groups[row.Provider], row)
		}
	}
	for name, rows := range groups {
		turns, known := s.turns[name]
		if !known {
			continue // nobody is there to be asked
		}
		select {
		case turns <- struct{}{}:
		default:
			for _, row := range rows {
				later[row.OrderID] = true
			}
			delete(groups, name)
		}
	}
	return groups, later
}

// askAll asks for the attempts of each provider, beside the others and for AskTimeout at most, so that one that hangs costs
// the others nothing, and closes those without money. It returns the ids of the orders for which not every provider has given
// a final answer.
func (s *Service) askAll(ctx context.Context, byProvider map[string][]attemptRow) map[string]bool {
	var mu sync.Mutex
	unanswered := map[string]bool{}
	var running sync.WaitGroup
	for name, rows := range byProvider {
		running.Go(func() {
			defer s.endTurn(name)
			ctx, cancel := context.WithTimeout(ctx, AskTimeout)
			defer cancel()
			_ = sideBySide(rows, s.atOnce(askWorkers), func(row attemptRow) error { // none fails: the others may do better
				p, err := s.provider(name)
				if err == nil {
					err = s.finish(ctx, p, row)
				}
				if err == nil {
					return nil
				}
				s.Log.Log(ctx, failureLevel(err), "ask for a payment whose order ends",
					"provider", name, "attempt_id", row.ID, "order_id", row.OrderID, "error", err)
				mu.Lock()
				unanswered[row.OrderID] = true
				mu.Unlock()
				return nil
			})
		})
	}
	running.Wait()
	return unanswered
}

func (s *Service) endTurn(provider string) {
	if turns, known := s.turns[provider]; known {
		<-turns
	}
}
