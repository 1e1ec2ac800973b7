package stock

import (
	"context"
	"time"

	"boxoffice/common/audit"
)

// FigureStep is the length of the intervals that Figures counts by.
const FigureStep = 10 * time.Second

// Count is a number of orders, and of tickets in them.
type Count struct{ Orders, Tickets int64 }

func (c *Count) add(orders, tickets int64) {
	c.Orders += orders
	c.Tickets += tickets
}

// Interval is what happened to the orders of a screening in one FigureStep.
type Interval struct {
	Made     Count // tickets were reserved
	Sold     Count // orders that are paid, by when stock learned of it
	Released Count // orders whose tickets went back, likewise
}

// Figures is how the sale of a screening has gone.
type Figures struct {
	Intervals map[int64]Interval // by their beginning, in Unix milliseconds
	Held      Count
	Sold      Count
	Released  Count
	Buyers    int64 // who hold tickets
}

// Figures counts the orders of a screening that are in the database, which reads each of them: on SQLite two to three
// seconds of a core for a million.
// Callers are to ask as seldom as that is cheap.
func (s *Stock) Figures(ctx context.Context, screeningID string) (Figures, error) {
	var rows []struct {
		MadeAt    int64            `db:"made_at"`
		SettledAt int64            `db:"settled_at"`
		State     ReservationState `db:"state"`
		Orders    int64            `db:"orders"`
		Tickets   int64            `db:"tickets"`
	}
	step := FigureStep.Milliseconds()
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT made_at, settled_at, state, COUNT(*) AS orders,
		SUM(quantity) AS tickets FROM (SELECT created_at - created_at % ? AS made_at,
			COALESCE(settled_at - settled_at % ?, 0) AS settled_at, state, quantity
			FROM reservations WHERE screening_id = ?) r
		GROUP BY made_at, settled_at, state`, step, step, screeningID); err != nil {
		return Figures{}, s.failed("count the orders of a screening", err)
	}
	f := Figures{Intervals: map[int64]Interval{}}
	for _, r := range rows {
		made := f.Intervals[r.MadeAt]
		made.Made.add(r.Orders, r.Tickets)
		f.Intervals[r.MadeAt] = made
		settled := f.Intervals[r.SettledAt]
		switch r.State {
		case Held:
			f.Held.add(r.Orders, r.Tickets)
			continue
		case Sold:
			f.Sold.add(r.Orders, r.Tickets)
			settled.Sold.add(r.Orders, r.Tickets)
		case Released:
			f.Released.add(r.Orders, r.Tickets)
			settled.Released.add(r.Orders, r.Tickets)
		}
		f.Intervals[r.SettledAt] = settled
	}
	if err := s.db.Reader().GetContext(ctx, &f.Buyers, `SELECT COUNT(DISTINCT buyer_id) FROM reservations
		WHERE screening_id = ? AND state <> ?`, screeningID, Released); err != nil {
		return Figures{}, s.failed("count the buyers of a screening", err)
	}
	return f, nil
}

// Acts returns what operators have done to screenings, the latest first, at most limit.
func (s *Stock) Acts(ctx context.Context, f audit.Filter, limit int) ([]audit.Recorded, error) {
	acts, err := audit.Read(ctx, s.db.Reader(), f, limit)
	if err != nil {
		return nil, s.failed("read operators' acts", err)
	}
	return acts, nil
}
