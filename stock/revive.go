package stock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// ReviveTimeout bounds the handling of one tickets-wanted: a transaction for each order, and the messages that follow.
const ReviveTimeout = 20 * time.Second

const reviveRounds = 10

// takeAgain takes the tickets of one order again, and tells whether it has them then. It has them also when they were
// taken before, or sold.
func (s *Stock) takeAgain(ctx context.Context, orderID string) (bool, error) {
	has := false
	err := s.again("take tickets again", reviveRounds, func() error {
		has = false
		w, err := s.wantedTickets(ctx, orderID)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil // it is in the archive, or never was
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case w.State == Sold, w.State == Held && w.LatePayment == event.LateRevived:
			has = true
			return nil
		}
		now := s.now()
		if !w.canBeHad(now) {
			return nil
		}
		err = s.db.InTx(ctx, func(tx *db.Tx) error { return w.take(ctx, tx, now, s.sweepGrace) })
		has = err == nil
		return err
	})
	return has, err
}

// wantedTickets is a reservation with all that decides whether its tickets are to be had again, in one reading.
type wantedTickets struct {
	reservationRow
	Policy       event.LatePayment `db:"policy"`
	StartsAt     int64             `db:"starts_at"`
	SaleClosesAt int64             `db:"sale_closes_at"`
	PerUserLimit int64             `db:"per_user_limit"`
	Available    int64             `db:"available"`
	TermsVersion int64             `db:"limit_changes"`
	Cancelled    bool              `db:"cancelled"`
	Archived     bool              `db:"archived"`
	Holds        sql.NullInt64     `db:"holds"` // of its buyer, who may have none
}

func (s *Stock) wantedTickets(ctx context.Context, orderID string) (w wantedTickets, err error) {
	err = s.db.Reader().GetContext(ctx, &w, `SELECT r.order_id, r.request_id, r.screening_id, r.buyer_id, r.quantity, r.amount,
		r.currency, r.state, r.created_at, r.expires_at, r.late_payment, s.late_payment AS policy, s.starts_at,
		s.sale_closes_at, s.per_user_limit, k.available, k.limit_changes,
		k.cancelled_at IS NOT NULL AS cancelled, k.archived_at IS NOT NULL AS archived, h.quantity AS holds
		FROM reservations r JOIN screenings s ON s.id = r.screening_id JOIN stock k ON k.screening_id = s.id
		LEFT JOIN holdings h ON h.screening_id = r.screening_id AND h.buyer_id = r.buyer_id
		WHERE r.order_id = ?`, orderID)
	return w, err
}

// canBeHad tells whether the tickets may be taken again: the screening still says so and is neither over nor cancelled, it was not
// done before, and if they have gone back there is room for them in the house and within the buyer's limit.
func (w wantedTickets) canBeHad(now time.Time) bool {
	over := w.Archived || w.Cancelled || w.StartsAt <= now.UnixMilli() && w.SaleClosesAt <= now.UnixMilli()
	if over || w.Policy != event.LateRevive || w.LatePayment != event.LateRevive {
		return false
	}
	house := Screening{Available: w.Available, PerUserLimit: w.PerUserLimit}
	return w.State == Held || w.Quantity <= house.Room(w.Holds.Int64, 0)
}

// take makes the reservation held again, and due for a sweep a grace from now. If it is held still, because the message
// that releases it is on its way, it stays so, and that message will be passed over. It fails with db.ErrConflict, or on
// the key of a holding, when something is not as it was read. It locks in the order of a ReservationList.
func (w wantedTickets) take(ctx context.Context, tx *db.Tx, now time.Time, grace time.Duration) error {
	if err := tx.ExecGuarded(ctx, 1, `UPDATE reservations SET state = ?, late_payment = 'revived', settled_at = NULL,
		expires_at = ?, sweep_at = ? WHERE order_id = ? AND state = ? AND late_payment = 'revive'`,
		Held, now.UnixMilli(), now.Add(grace).UnixMilli(), w.OrderID, w.State); err != nil {
		return fmt.Errorf("hold reservation again: %w", err)
	}
	if w.State == Held {
		return nil
	}
	if w.PerUserLimit > 0 {
		change := HoldingChange{
			Holding: Holding{w.ScreeningID, w.BuyerID}, Quantity: w.Quantity, Limit: w.PerUserLimit, Exists: w.Holds.Valid,
		}
		if err := takeHoldings(ctx, tx, []HoldingChange{change}); err != nil {
			return fmt.Errorf("take holding: %w", err)
		}
	}
	if err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET available = available - ?, reserved = reserved + ?
		WHERE screening_id = ? AND available >= ? AND limit_changes = ? AND archived_at IS NULL`,
		w.Quantity, w.Quantity, w.ScreeningID, w.Quantity, w.TermsVersion); err != nil {
		return fmt.Errorf("take stock of %s: %w", w.ScreeningID, err)
	}
	return nil
}
