package notify

import (
	"context"
	"fmt"
	"time"
)

// Count counts what is due and what is dead, by channel. A channel with neither is absent.
func (s *Service) Count(ctx context.Context) (map[Channel]Counts, error) {
	var rows []struct {
		Channel Channel `db:"channel"`
		State   State   `db:"state"`
		N       int64   `db:"n"`
		Oldest  int64   `db:"oldest"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT channel, state, COUNT(*) AS n, MIN(created_at) AS oldest
		FROM notifications WHERE state IN ('due', 'dead') GROUP BY channel, state`); err != nil {
		return nil, s.unavailable(fmt.Errorf("count notifications: %w", err))
	}
	counts := map[Channel]Counts{}
	for _, r := range rows {
		c := counts[r.Channel]
		if r.State == StateDead {
			c.Dead = r.N
		} else {
			c.Due, c.OldestDue = r.N, time.UnixMilli(r.Oldest).UTC()
		}
		counts[r.Channel] = c
	}
	return counts, nil
}
