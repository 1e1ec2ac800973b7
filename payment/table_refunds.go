package payment

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
)

// The states of a refund in the table. The package order makes it due.
const (
	refundDue            = "due"             // to be sent
	refundSent           = "sent"            // the provider has it, and the money is on its way
	refundDone           = "done"            // the money is back
	refundFailed         = "failed"          // a try got no answer, and there will be another one
	refundNeedsAttention = "needs_attention" // no try will do before a person has looked at it
	refundSettled        = "settled"         // a person has sent the money back by other means
)

// RefundStates lists the states of a refund as operators see them.
func RefundStates() []string {
	return append(OpenRefundStates(), refundDone, refundSettled)
}

// OpenRefundStates lists the states of a refund whose money is not back yet.
func OpenRefundStates() []string {
	return []string{refundDue, refundSent, refundFailed, refundNeedsAttention}
}

// refundRow is the row of a refund. Times are Unix milliseconds.
type refundRow struct {
	ID        string `db:"id"`
	PaymentID string `db:"payment_id"`
	OrderID   string `db:"order_id"`
	Provider  string `db:"provider"`
	Amount    int64  `db:"amount"`
	Currency  string `db:"currency"`
	Total     int64  `db:"total"` // of the payment
	Reason    string `db:"reason"`
	State     string `db:"state"`
	Sending   int    `db:"sending"` // how often it got a new key
	Spent     bool   `db:"spent"`   // its provider has said no to this key for good
	Tries     int    `db:"tries"`
	NextAt    int64  `db:"next_at"`
	Reference string `db:"reference"`
	Detail    string `db:"detail"`
	CreatedAt int64  `db:"created_at"`
	ChangedAt int64  `db:"changed_at"` // also by a claim

	waited time.Duration // since it was sent, or changed, before a worker has claimed it
}

const refundSelect = `SELECT r.id, r.payment_id, r.order_id, r.provider, r.amount, r.currency, p.amount AS total, r.reason,
	r.state, r.sending, r.spent, r.tries, r.next_at, r.reference, r.detail, r.created_at, r.changed_at
	FROM refunds r JOIN payments p ON p.id = r.payment_id `

func (r refundRow) refund() Refund {
	return Refund{
		Key: refundKey(r.ID, r.Sending), PaymentID: order.ProviderID(r.Provider, r.PaymentID),
		Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, Total: event.Money{Amount: r.Total, Currency: r.Currency},
		Reason: r.Reason, Reference: r.Reference, Waited: r.waited,
	}
}

// claimRefund is how a worker gets a refund for itself, for claimLease, and returns it as it is then. It notes the time, so that
// how long a refund has waited is right after a process that died in its call as well: it is taken again after the lease, long
// before the pause that its tries ask for.
func (s *Service) claimRefund(ctx context.Context, row refundRow) (refundRow, error) {
	now := s.Now()
	lease := now.Add(claimLease).UnixMilli()
	if err := s.claim(ctx, `UPDATE refunds SET next_at = ?, tries = tries + 1, changed_at = ? WHERE id = ? AND next_at = ?`,
		lease, now.UnixMilli(), row.ID, row.NextAt); err != nil {
		return row, err
	}
	if row.Tries > 0 {
		row.waited = max(0, now.Sub(time.UnixMilli(row.ChangedAt)))
	}
	row.NextAt, row.Tries, row.ChangedAt = lease, row.Tries+1, now.UnixMilli()
	return row, nil
}

// refundKey is what a provider knows a refund by. It changes only when a person has a refund sent anew that the provider
// has failed for good, so that no key ever moves money twice.
func refundKey(id string, sending int) string {
	if sending == 0 {
		return id
	}
	return id + "_" + strconv.Itoa(sending)
}

// triesBefore is what counts of the tries so far when a refund is sent again: under a new key none, and under the same one
// that there were some.
func triesBefore(row refundRow, sending int) int {
	if sending != row.Sending {
		return 0
	}
	return min(row.Tries, 1)
}

// referenceOf is the provider's id of a refund when it is sent again: under a new key it has none yet.
func referenceOf(row refundRow, sending int) string {
	if sending != row.Sending {
		return ""
	}
	return row.Reference
}

// openRefunds reads refunds of a provider whose time has come, up to limit of each state. SQLite uses its partial index only
// when the query repeats the index's condition.
func (s *Service) openRefunds(ctx context.Context, provider string, now time.Time, limit int) ([]refundRow, error) {
	var all []refundRow
	for _, state := range []string{refundDue, refundFailed, refundSent} { // an index then gives them in their order
		var rows []refundRow
		if err := s.db.Reader().SelectContext(ctx, &rows, refundSelect+`
			WHERE r.state IN ('due', 'sent', 'failed', 'needs_attention') AND r.provider = ? AND r.state = ? AND r.next_at <= ?
			ORDER BY r.next_at LIMIT ?`, provider, state, now.UnixMilli(), limit); err != nil {
			return nil, s.failed("read open refunds", err)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// findRefund reads one refund, or fails with ErrRefundAbsent.
func (s *Service) findRefund(ctx context.Context, id string) (refundRow, error) {
	var rows []refundRow
	if err := s.db.Reader().SelectContext(ctx, &rows, refundSelect+`WHERE r.id = ?`, id); err != nil {
		return refundRow{}, s.failed("read refund", err)
	}
	if len(rows) == 0 {
		return refundRow{}, fmt.Errorf("%w: %s", ErrRefundAbsent, id)
	}
	return rows[0], nil
}

// refundChange is what a refund becomes.
type refundChange struct {
	state, reference, detail string
	spent                    bool
	anew                     bool // it is tried anew
	nextAt                   time.Time
}

const detailMax = 1000

// changeRefund changes a refund that is as it was read, or fails with db.ErrConflict.
func (s *Service) changeRefund(ctx context.Context, read refundRow, to refundChange) error {
	if to.reference == "" {
		to.reference = read.Reference
	}
	tries := read.Tries
	if to.anew {
		tries = triesBefore(read, read.Sending)
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE refunds SET state = ?, reference = ?, detail = ?, spent = ?, tries = ?,
			next_at = ?, changed_at = ? WHERE id = ? AND state = ? AND sending = ? AND next_at = ?`,
			to.state, to.reference, strings.ToValidUTF8(to.detail[:min(len(to.detail), detailMax)], ""), to.spent, tries,
			to.nextAt.UnixMilli(), s.Now().UnixMilli(),
			read.ID, read.State, read.Sending, read.NextAt)
	})
	return s.failed("change refund", err)
}
