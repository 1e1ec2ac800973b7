package stock

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"boxoffice/common/idform"
	"boxoffice/common/keyset"
)

// Details is all that the row of a reservation says. Times that have not come are zero.
type Details struct {
	Reservation
	RequestID string
	SweepAt   time.Time // when the sweeper publishes it again, if nothing has settled it by then
	SettledAt time.Time // when its tickets were sold or released
}

// Details returns the reservation of an order, whoever its buyer is, or ErrReservationAbsent.
func (s *Stock) Details(ctx context.Context, orderID string) (Details, error) {
	if !idform.IsID(orderID) {
		return Details{}, ErrReservationAbsent
	}
	var row struct {
		reservationRow
		SweepAt   sql.NullInt64 `db:"sweep_at"`
		SettledAt sql.NullInt64 `db:"settled_at"`
	}
	err := s.db.Reader().GetContext(ctx, &row, `SELECT `+reservationColumns+`, sweep_at, settled_at FROM reservations
		WHERE order_id = ?`, orderID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Details{}, ErrReservationAbsent
	case err != nil:
		return Details{}, s.failed("read reservation", err)
	}
	return Details{row.reservation(), row.RequestID, timeOf(row.SweepAt), timeOf(row.SettledAt)}, nil
}

// Search selects reservations. The zero value of a field selects all.
type Search struct {
	BuyerID     string
	ScreeningID string
	From, Until time.Time // of their purchase: From <= it < Until
	OldestFirst bool
}

// Search returns up to limit reservations that follow a position, the newest first, or the oldest. Each search walks along one
// index: that of the buyer's requests, that of the screening's reservations, or the primary key, which begins with the time.
func (s *Stock) Search(ctx context.Context, search Search, after keyset.Position, limit int) ([]Reservation, error) {
	c := search.conditions(after)
	return s.selectReservations(ctx, `SELECT `+reservationColumns+` FROM reservations
		WHERE `+strings.Join(c.texts, " AND ")+` ORDER BY `+search.order()+` LIMIT ?`, append(c.args, limit)...)
}

// byTime tells whether a search walks along an index whose reservations are in the order of created_at; otherwise they are
// in the order of their ids.
func (q Search) byTime() bool { return q.BuyerID != "" || q.ScreeningID != "" }

func (q Search) order() string {
	switch {
	case q.byTime() && q.OldestFirst:
		return `created_at, order_id`
	case q.byTime():
		return `created_at DESC, order_id DESC`
	case q.OldestFirst:
		return `order_id`
	default:
		return `order_id DESC`
	}
}

// conditions are the parts of a WHERE.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

func (q Search) conditions(after keyset.Position) *conditions {
	c := &conditions{}
	switch {
	case q.BuyerID != "":
		from, until := buyerRange(q.BuyerID)
		c.add(`request_id >= ? AND request_id < ? AND buyer_id = ?`, from, until, q.BuyerID)
		if q.ScreeningID != "" { // COALESCE keeps the database from walking along all reservations of the screening
			c.add(`COALESCE(screening_id, '') = ?`, q.ScreeningID)
		}
	case q.ScreeningID != "":
		c.add(`screening_id = ?`, q.ScreeningID)
	default:
		c.add(`order_id > ''`)
	}
	if !q.From.IsZero() {
		c.addBound(q, `>=`, q.From)
	}
	if !q.Until.IsZero() {
		c.addBound(q, `<`, q.Until)
	}
	if after == (keyset.Position{}) {
		return c
	}
	than := `<`
	if q.OldestFirst {
		than = `>`
	}
	if q.byTime() {
		c.add(`created_at `+than+`= ? AND (created_at `+than+` ? OR order_id `+than+` ?)`, after.At, after.At, after.ID)
	} else {
		c.add(`order_id `+than+` ?`, after.ID)
	}
	return c
}

// addBound bounds the time of the purchase, with which the order's id begins.
func (c *conditions) addBound(q Search, comparison string, t time.Time) {
	if q.byTime() {
		c.add(`created_at `+comparison+` ?`, t.UnixMilli())
	} else {
		c.add(`order_id `+comparison+` ?`, firstID(t))
	}
}

// ArchivesOf returns up to limit archives whose file may have an order that was made at a time: the screening was there
// then, and was not archived yet. Those whose sale was open at that time come first, and among them the smaller ones.
func (s *Stock) ArchivesOf(ctx context.Context, t time.Time, limit int) ([]Archive, error) {
	var ids []string
	if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT a.screening_id FROM archives a JOIN screenings s ON s.id = a.screening_id
		WHERE a.written_at IS NOT NULL AND a.restored_at IS NULL AND s.created_at <= ? AND a.began_at >= ?
		ORDER BY CASE WHEN s.sale_opens_at <= ? AND s.sale_closes_at >= ? THEN 0 ELSE 1 END, a.orders, a.screening_id LIMIT ?`,
		t.UnixMilli(), t.UnixMilli(), t.UnixMilli(), t.UnixMilli(), limit); err != nil {
		return nil, s.failed("look for the archive of an order", err)
	}
	var archives []Archive
	for _, id := range ids {
		archive, err := s.Archive(ctx, id)
		switch {
		case errors.Is(err, ErrNotArchived): // no longer
		case err != nil:
			return nil, err
		default:
			archives = append(archives, archive)
		}
	}
	return archives, nil
}
