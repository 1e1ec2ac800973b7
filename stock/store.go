package stock

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/common/keyset"
)

const reservationColumns = `order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at,
	late_payment`

type reservationRow struct {
	OrderID     string           `db:"order_id"`
	RequestID   string           `db:"request_id"`
	ScreeningID string           `db:"screening_id"`
	BuyerID     string           `db:"buyer_id"`
	Quantity    int64            `db:"quantity"`
	Amount      int64            `db:"amount"`
	Currency    string           `db:"currency"`
	State       ReservationState `db:"state"`
	CreatedAt   int64            `db:"created_at"`
	ExpiresAt   int64            `db:"expires_at"`

	LatePayment event.LatePayment `db:"late_payment"`
}

func (r reservationRow) reservation() Reservation {
	return Reservation{State: r.State, Order: event.Order{
		ID: r.OrderID, ScreeningID: r.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
		Amount:    event.Money{Amount: r.Amount, Currency: r.Currency},
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, LatePayment: r.LatePayment,
	}}
}

// Reservation returns one reservation of a buyer, or ErrReservationAbsent, also when it is somebody else's.
func (s *Stock) Reservation(ctx context.Context, buyerID, orderID string) (Reservation, error) {
	if !idform.IsID(orderID) {
		return Reservation{}, ErrReservationAbsent
	}
	var row reservationRow
	err := s.db.Reader().GetContext(ctx, &row, `SELECT `+reservationColumns+` FROM reservations
		WHERE order_id = ? AND buyer_id = ?`, orderID, buyerID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Reservation{}, ErrReservationAbsent
	case err != nil:
		return Reservation{}, s.failed("read reservation", err)
	}
	return row.reservation(), nil
}

// Reservations returns a page of a buyer's reservations, newest first, and the cursor of the next page, which is empty
// after the last. A limit of 0 stands for 20, and no page is longer than 100.
func (s *Stock) Reservations(ctx context.Context, buyerID, cursor string, limit int) ([]Reservation, string, error) {
	after, err := afterCursor(cursor, keyset.Position{At: math.MaxInt64})
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	from, until := buyerRange(buyerID)
	var rows []reservationRow
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+reservationColumns+` FROM reservations
		WHERE request_id >= ? AND request_id < ? AND buyer_id = ?
		AND created_at <= ? AND (created_at < ? OR order_id < ?) ORDER BY created_at DESC, order_id DESC LIMIT ?`,
		from, until, buyerID, after.At, after.At, after.ID, limit+1); err != nil {
		return nil, "", s.failed("read reservations", err)
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = keyset.Position{At: rows[limit-1].CreatedAt, ID: rows[limit-1].OrderID}.Cursor("")
	}
	items := make([]Reservation, len(rows))
	for i, row := range rows {
		items[i] = row.reservation()
	}
	return items, next, nil
}

// The columns of a screening that a purchase reads. They are read many times a second, so the texts are not among them.
const (
	saleColumns = `SELECT s.id, s.movie, s.venue, s.starts_at, s.price, s.currency, s.sale_opens_at,
	s.sale_closes_at, s.per_user_limit, k.capacity, k.available, k.reserved, k.sold, k.sales, k.limit_changes,
	k.paused, k.cancelled_at IS NOT NULL AS cancelled, k.archived_at IS NOT NULL AS archived, s.late_payment`
	screeningFrom   = ` FROM screenings s JOIN stock k ON k.screening_id = s.id `
	saleSelect      = saleColumns + screeningFrom
	screeningSelect = saleColumns + `, s.description, s.poster_url, s.map_url` + screeningFrom
)

type screeningRow struct {
	ID           string `db:"id"`
	Movie        string `db:"movie"`
	Venue        string `db:"venue"`
	StartsAt     int64  `db:"starts_at"`
	Price        int64  `db:"price"`
	Currency     string `db:"currency"`
	SaleOpensAt  int64  `db:"sale_opens_at"`
	SaleClosesAt int64  `db:"sale_closes_at"`
	PerUserLimit int64  `db:"per_user_limit"`
	Capacity     int64  `db:"capacity"`
	Available    int64  `db:"available"`
	Reserved     int64  `db:"reserved"`
	Sold         int64  `db:"sold"`
	OrdersMade   int64  `db:"sales"`
	TermsVersion int64  `db:"limit_changes"`
	Paused       bool   `db:"paused"`
	Cancelled    bool   `db:"cancelled"`
	Archived     bool   `db:"archived"`

	LatePayment event.LatePayment `db:"late_payment"`
	Description string            `db:"description"`
	PosterURL   string            `db:"poster_url"`
	MapURL      string            `db:"map_url"`
}

func (r screeningRow) screening() Screening {
	return Screening{
		ID: r.ID, Movie: r.Movie, Venue: r.Venue, StartsAt: time.UnixMilli(r.StartsAt).UTC(),
		Price:    event.Money{Amount: r.Price, Currency: r.Currency},
		Capacity: r.Capacity, Available: r.Available, Reserved: r.Reserved, Sold: r.Sold,
		SaleOpensAt: time.UnixMilli(r.SaleOpensAt).UTC(), SaleClosesAt: time.UnixMilli(r.SaleClosesAt).UTC(),
		PerUserLimit: r.PerUserLimit, OrdersMade: r.OrdersMade, TermsVersion: r.TermsVersion,
		Paused: r.Paused, Cancelled: r.Cancelled, Archived: r.Archived, Texts: Texts{r.Description, r.PosterURL, r.MapURL},
		LatePayment: r.LatePayment,
	}
}

// Screening returns one screening with its stock, or ErrScreeningNotFound.
func (s *Stock) Screening(ctx context.Context, id string) (Screening, error) {
	if !idform.IsID(id) {
		return Screening{}, ErrScreeningNotFound
	}
	var row screeningRow
	err := s.db.Reader().GetContext(ctx, &row, screeningSelect+`WHERE s.id = ?`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Screening{}, ErrScreeningNotFound
	case err != nil:
		return Screening{}, s.failed("read screening", err)
	}
	return row.screening(), nil
}

// The lists of screenings, from a position on. "+ 0" keeps the database from the index by start: looking for the few
// whose sale is not over, it would walk past years of those that are. Those that are over come latest first: nobody asks for
// the first one that there ever was.
const (
	allSales      = `WHERE s.starts_at >= ? AND (s.starts_at > ? OR s.id > ?) ORDER BY s.starts_at, s.id LIMIT ?`
	closedSales   = `WHERE s.sale_closes_at <= ? AND s.starts_at <= ? AND (s.starts_at < ? OR s.id < ?) ORDER BY s.starts_at DESC, s.id DESC LIMIT ?`
	upcomingSales = `WHERE s.sale_closes_at > ? AND s.starts_at + 0 >= ? AND (s.starts_at > ? OR s.id > ?) ORDER BY s.starts_at + 0, s.id LIMIT ?`
)

// Screenings returns a page of screenings, the one that starts first first, but of ClosedSale the one that starts last,
// and the cursor of the next page, which is empty after the last. A limit of 0 stands for 20, and no page is longer than 100.
func (s *Stock) Screenings(ctx context.Context, which SaleFilter, cursor string, limit int) (items []Screening, next string, err error) {
	first := keyset.Position{At: math.MinInt64}
	if which == ClosedSale {
		first.At = math.MaxInt64
	}
	after, err := afterCursor(cursor, first)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, args := allSales, []any{after.At, after.At, after.ID, limit + 1}
	switch which {
	case UpcomingSale:
		list, args = upcomingSales, append([]any{s.now().UnixMilli()}, args...)
	case ClosedSale:
		list, args = closedSales, append([]any{s.now().UnixMilli()}, args...)
	}
	var rows []screeningRow
	if err := s.db.Reader().SelectContext(ctx, &rows, screeningSelect+list, args...); err != nil {
		return nil, "", s.failed("read screenings", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = keyset.Position{At: rows[limit-1].StartsAt, ID: rows[limit-1].ID}.Cursor("")
	}
	items = make([]Screening, len(rows))
	for i, row := range rows {
		items[i] = row.screening()
	}
	return items, next, nil
}

// ScreeningsByID returns the screenings of some ids, a thousand at most, for a purchase; absent ids are absent.
func (s *Stock) ScreeningsByID(ctx context.Context, ids []string) (map[string]Screening, error) {
	return s.screeningsByID(ctx, saleSelect, ids)
}

// ShownScreenings returns the screenings of some ids, a thousand at most, with their texts, for whoever looks at them; absent ids
// are absent.
func (s *Stock) ShownScreenings(ctx context.Context, ids []string) (map[string]Screening, error) {
	return s.screeningsByID(ctx, screeningSelect, ids)
}

func (s *Stock) screeningsByID(ctx context.Context, selecting string, ids []string) (map[string]Screening, error) {
	var rows []screeningRow
	if err := s.db.Reader().SelectContext(ctx, &rows, selecting+`WHERE s.id IN `+db.In(len(ids)), db.Args(ids)...); err != nil {
		return nil, s.failed("read screenings", err)
	}
	found := make(map[string]Screening, len(rows))
	for _, row := range rows {
		found[row.ID] = row.screening()
	}
	return found, nil
}
