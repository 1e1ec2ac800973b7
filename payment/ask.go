package payment

import (
	"context"
	"maps"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

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
	type row struct {
		ID       string `db:"id"`
		AskUntil int64  `db:"ask_until"`
	}
	rows, err := db.SelectIn[row](ctx, s.db.Reader(), `SELECT id, ask_until FROM orders WHERE id IN (?) AND state = 'PENDING_PAYMENT'
		AND expires_at <= ? AND ask_until > 0`, ids, s.Now().UnixMilli())
	if err != nil {
		return nil, s.failed("read orders to ask for", err)
	}
	asked := map[string]int64{}
	for _, row := range rows {
		asked[row.ID] = row.AskUntil
	}
	return asked, nil
}
