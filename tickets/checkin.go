package tickets

import (
	"context"
	"errors"

	"boxoffice/common/db"
)

// ScreeningOf returns the screening that a code is for, or ErrCodeInvalid. It does not tell whether there is such a ticket.
func (t *Tickets) ScreeningOf(code string) (screeningID string, err error) {
	seat, err := t.Keys.verify(code)
	return seat.screeningID, err
}

// CheckIn lets the bearer of a code in, once. It fails with ErrCodeInvalid, ErrWrongScreening, ErrVoid, or UsedError. What
// a lost message has left undone is made up for here: a ticket of a paid order is made, one of a returned order is void. If
// the order service is away, what is known decides.
func (t *Tickets) CheckIn(ctx context.Context, e Entry) (Ticket, error) {
	seat, err := t.Keys.verify(e.Code)
	if err != nil {
		return Ticket{}, err
	}
	if e.ScreeningID != "" && e.ScreeningID != seat.screeningID {
		return Ticket{}, ErrWrongScreening
	}
	followErr := t.followSoon(ctx, seat.orderID)
	id := ticketID(seat.orderID, seat.number)
	err = t.db.InTx(ctx, func(tx *db.Tx) error { return use(ctx, tx, id, e, t.now()) })
	if err != nil && !errors.Is(err, db.ErrCommitInDoubt) { // of which the row knows
		return Ticket{}, t.unavailable(err)
	}
	rows, err := readTickets(ctx, t.db, `WHERE id = ?`, id)
	if err != nil {
		return Ticket{}, t.unavailable(err)
	}
	switch {
	case len(rows) == 0 && followErr != nil:
		return Ticket{}, followErr
	case len(rows) == 0:
		return Ticket{}, ErrCodeInvalid
	}
	return admit(rows[0], e)
}

// admit answers by the ticket's row: whoever is let in is named in it, so a retry with the same key is let in as well.
func admit(row ticketRow, e Entry) (Ticket, error) {
	ticket := row.ticket()
	switch {
	case row.State == Void:
		return Ticket{}, ErrVoid
	case row.State == Used && row.UsedBy == e.Staff && row.UsedKey == e.Key:
		return ticket, nil
	case row.State == Used:
		return Ticket{}, UsedError{At: ticket.UsedAt, Gate: ticket.UsedGate}
	}
	return Ticket{}, ErrUnavailable // it is still valid: the commit that was in doubt did not happen
}
