package payment

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// AskTimeout bounds all questions before one list of orders is cancelled.
const AskTimeout = 15 * time.Second

// AskBeforeTimeout asks the providers of those due orders that have open attempts, before they are cancelled as unpaid.
// Money that came pays its order, and an attempt without money is closed at its provider. An order whose provider does
// not answer stays pending until its time to ask is over. It is called before order.Timeout handles the same list, but for
// those orders that it returns: their provider is busy with other lists, and they are to be looked at again soon.
func (s *Service) AskBeforeTimeout(ctx context.Context, due event.Due) (busy []string, err error) {
	asked, err := s.ToAsk(ctx, due.OrderIDs)
	if err != nil || len(asked) == 0 {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(asked))
	attempts, err := s.attemptsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	forgotten, err := s.forgotten(ctx, ids, attempts)
	if err != nil {
		return nil, err
	}
	groups, later := s.takeTurns(slices.Concat(attempts, forgotten))
	unanswered := s.askAll(ctx, groups)
	now := s.Now().UnixMilli()
	for id := range later {
		if asked[id] > now {
			busy = append(busy, id)
		}
	}
	maps.DeleteFunc(asked, func(id string, _ int64) bool { return unanswered[id] || later[id] })
	if err := s.Orders.StopAsking(ctx, asked); err != nil || len(forgotten) == 0 {
		return busy, err
	}
	return busy, s.endSearch(ctx, slices.Sorted(maps.Keys(asked))) // all of them were asked for, restored or not
}

// ToAsk returns until when each of those orders is asked for that would be cancelled, were they not being paid.
func (s *Service) ToAsk(ctx context.Context, ids []string) (map[string]int64, error) {
	var rows []struct {
		ID       string `db:"id"`
		AskUntil int64  `db:"ask_until"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT id, ask_until FROM orders WHERE state = 'PENDING_PAYMENT'
		AND expires_at <= ? AND ask_until > 0 AND id IN `+db.In(len(ids)), append([]any{s.Now().UnixMilli()}, db.Args(ids)...)...); err != nil {
		return nil, s.failed("read orders to ask for", err)
	}
	asked := map[string]int64{}
	for _, row := range rows {
		asked[row.ID] = row.AskUntil
	}
	return asked, nil
}

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
