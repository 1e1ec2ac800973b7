package notify

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/idform"
)

const (
	errorMax   = 500 // bytes of what is kept of an error
	processMax = 128 // and of a process's name
)

// whyNoContact is why a notification is skipped that the buyer takes no way of: it is due again once there is one.
const whyNoContact = "the buyer has no such contact any more"

// row is a row of notifications. Times are Unix milliseconds.
type row struct {
	ID          string        `db:"id"`
	OrderID     string        `db:"order_id"`
	ScreeningID string        `db:"screening_id"`
	BuyerID     string        `db:"buyer_id"`
	Kind        Kind          `db:"kind"`
	Channel     Channel       `db:"channel"`
	About       string        `db:"about"` // the reason of a cancellation, or the id of a refund
	Amount      int64         `db:"amount"`
	Currency    string        `db:"currency"`
	State       State         `db:"state"`
	SentTo      string        `db:"sent_to"`
	Tries       int           `db:"tries"`
	LastError   string        `db:"last_error"`
	CreatedAt   int64         `db:"created_at"`
	NextAt      int64         `db:"next_at"`
	SentAt      sql.NullInt64 `db:"sent_at"`
	MadeBy      string        `db:"made_by"`  // the process that wrote it
	TriedBy     string        `db:"tried_by"` // the one that claimed it last
}

const rowColumns = `id, order_id, screening_id, buyer_id, kind, channel, about, amount, currency, state, sent_to, tries, last_error,
	created_at, next_at, sent_at, made_by, tried_by`

// news is something that has become of an order, and that its buyer may want to hear.
type news struct {
	orderID, screeningID, buyerID string

	kind   Kind
	about  string
	amount event.Money // of a refund
}

// fits tells whether the columns take it. Only a message that this office has not made can be about anything else.
func (n news) fits() bool {
	return idform.IsID(n.orderID) && idform.IsID(n.screeningID) && idform.IsUserID(n.buyerID) &&
		(n.about == "" || idform.IsVisibleASCII(n.about, idform.IDMax)) && (n.amount == event.Money{} || event.IsCurrency(n.amount.Currency))
}

// on is the row of the news on one channel, as a process writes it. Its id is made of what it says, so that the table's key refuses
// to say it twice.
func (n news) on(channel Channel, process string, now time.Time) row {
	id := n.orderID + "-" + string(n.kind) + "-" + string(channel)
	if n.about != "" {
		id += "-" + n.about
	}
	return row{
		ID: id, OrderID: n.orderID, ScreeningID: n.screeningID, BuyerID: n.buyerID, Kind: n.kind, Channel: channel, About: n.about,
		Amount: n.amount.Amount, Currency: n.amount.Currency, State: StateDue, CreatedAt: now.UnixMilli(), NextAt: now.UnixMilli(),
		MadeBy: process,
	}
}

// notification is what others see of a row. to is where the buyer is told now.
func (r row) notification(to string) Notification {
	n := Notification{
		ID: r.ID, OrderID: r.OrderID, BuyerID: r.BuyerID, Kind: r.Kind, Channel: r.Channel, To: to, State: r.State,
		Tries: r.Tries, LastError: r.LastError, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), MadeBy: r.MadeBy, TriedBy: r.TriedBy,
	}
	if r.SentTo != "" {
		n.To = r.SentTo
	}
	if r.State == StateDue {
		n.NextAt = time.UnixMilli(r.NextAt).UTC()
	}
	if r.SentAt.Valid {
		n.SentAt = time.UnixMilli(r.SentAt.Int64).UTC()
	}
	return n
}

// readRows reads the notifications that the end of a SELECT picks.
func readRows(ctx context.Context, d *db.DB, which string, args ...any) ([]row, error) {
	var rows []row
	if err := d.Reader().SelectContext(ctx, &rows, `SELECT `+rowColumns+` FROM notifications `+which, args...); err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	return rows, nil
}

// missingRows leaves out those rows that are there.
func missingRows(ctx context.Context, d *db.DB, rows []row) ([]row, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	known, err := db.SelectIn[string](ctx, d.Reader(), `SELECT id FROM notifications WHERE id IN (?)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read which notifications there are: %w", err)
	}
	there := make(map[string]bool, len(known))
	for _, id := range known {
		there[id] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return there[r.ID] }), nil
}

// insertRows writes notifications that are due.
func insertRows(ctx context.Context, tx *db.Tx, rows []row) error {
	values := make([]any, 0, 13*len(rows))
	for _, r := range rows {
		values = append(values, r.ID, r.OrderID, r.ScreeningID, r.BuyerID, string(r.Kind), string(r.Channel), r.About, r.Amount, r.Currency,
			string(r.State), r.CreatedAt, r.NextAt, r.MadeBy)
	}
	if err := tx.Insert(ctx, `notifications (id, order_id, screening_id, buyer_id, kind, channel, about, amount, currency, state,
		created_at, next_at, made_by)`, values); err != nil {
		return fmt.Errorf("write notifications: %w", err)
	}
	return nil
}

// claimRow takes a notification that is due for a process until its lease ends, or fails with db.ErrConflict when another worker
// has it.
func claimRow(ctx context.Context, d *db.DB, r row, process string, lease time.Time) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE notifications SET next_at = ?, tries = tries + 1, tried_by = ?
			WHERE id = ? AND state = 'due' AND next_at = ?`, lease.UnixMilli(), process, r.ID, r.NextAt)
	})
}

// outcome is what a try makes of a notification.
type outcome struct {
	state     State
	tries     int
	to        string
	lastError string
	next      time.Time
}

// finishRow writes the outcome of a try, or fails with db.ErrConflict when the lease was over and another worker has it. Where
// it was sent to is not written when the buyer has had it forgotten meanwhile. A contact that was set during the try has not
// found the row at an end: so what ends for its contact's sake is looked at once more.
func finishRow(ctx context.Context, d *db.DB, claimed row, o outcome, now time.Time) error {
	var sentAt any
	if o.state == StateSent {
		sentAt = now.UnixMilli()
	}
	return d.InTx(ctx, func(tx *db.Tx) error {
		err := tx.ExecGuarded(ctx, 1, `UPDATE notifications SET state = ?, tries = ?, last_error = ?, next_at = ?, sent_at = ?, sent_to =
			CASE WHEN EXISTS (SELECT 1 FROM contacts WHERE contacts.buyer_id = notifications.buyer_id) THEN ? ELSE '' END
			WHERE id = ? AND state = 'due' AND next_at = ?`,
			string(o.state), o.tries, shortened(o.lastError, errorMax), o.next.UnixMilli(), sentAt, o.to, claimed.ID, claimed.NextAt)
		if err != nil || o.state == StateSent || o.state == StateDue || o.state == StateDead && o.to == "" {
			return err
		}
		return sendElsewhere(ctx, tx, now, `id = ?`, claimed.ID)
	})
}

// sendElsewhere makes those of some notifications due that their buyer's contact now takes and did not take before: skipped
// for want of a contact, or dead at another address. What was sent stays sent. A skipped one without a reason is one whose
// reason was forgotten with the contact.
func sendElsewhere(ctx context.Context, tx *db.Tx, now time.Time, which string, args ...any) error {
	if _, err := tx.ExecContext(ctx, `UPDATE notifications SET state = 'due', tries = 0, last_error = '', sent_to = '', next_at = ?
		WHERE `+which+` AND (state = 'dead' OR (state = 'skipped' AND last_error IN ('', ?)))
		AND EXISTS (SELECT 1 FROM contacts WHERE contacts.buyer_id = notifications.buyer_id AND
			CASE notifications.channel WHEN 'mail' THEN contacts.email ELSE contacts.phone END NOT IN ('', notifications.sent_to))`,
		slices.Concat([]any{now.UnixMilli()}, args, []any{whyNoContact})...); err != nil {
		return fmt.Errorf("send notifications elsewhere: %w", err)
	}
	return nil
}

// shortened is as much of a text as a column of so many bytes takes, in one line.
func shortened(text string, limit int) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
