package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
)

// RefundInfo is a refund as operators see it.
type RefundInfo struct {
	ID, PaymentID, OrderID, Provider string
	Amount                           event.Money
	Reason, State                    string
	Tries                            int
	Detail                           string // of its last failure
	CreatedAt, ChangedAt             time.Time
}

func (r refundRow) info() RefundInfo {
	return RefundInfo{
		ID: r.ID, PaymentID: r.PaymentID, OrderID: r.OrderID, Provider: r.Provider,
		Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, Reason: r.Reason, State: r.State, Tries: r.Tries,
		Detail: r.Detail, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), ChangedAt: time.UnixMilli(r.ChangedAt).UTC(),
	}
}

// Refunds returns up to limit refunds in one of these states, in the order of their ids, after afterID, and the id to go
// on after; empty at the end.
func (s *Service) Refunds(ctx context.Context, states []string, afterID string, limit int) (infos []RefundInfo, next string, err error) {
	var rows []refundRow
	query, args := refundPage(states, afterID, limit+1)
	if err := s.db.Reader().SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, "", s.failed("read refunds", err)
	}
	if len(rows) > limit {
		rows, next = rows[:limit], rows[limit-1].ID
	}
	for _, row := range rows {
		infos = append(infos, row.info())
	}
	return infos, next, nil
}

const refundIDsOfState = `SELECT id FROM refunds WHERE state = ? AND id > ? ORDER BY id LIMIT ?`

// refundPage selects refunds for a page. Of each state it reads no more than that: an index gives them in their order, and the
// databases give those of several states only by sorting all.
func refundPage(states []string, afterID string, limit int) (query string, args []any) {
	var each []string
	for i, state := range states {
		each = append(each, fmt.Sprintf(`SELECT * FROM (%s) AS of_%d`, refundIDsOfState, i))
		args = append(args, state, afterID, limit)
	}
	return refundSelect + `JOIN (` + strings.Join(each, ` UNION ALL `) + `) AS page ON page.id = r.id ORDER BY r.id LIMIT ?`, append(args, limit)
}

// Retry has a refund sent again that failed or needs attention. One that its provider has refused or given up gets another
// key; one without an answer keeps its key, because it may have been sent.
func (s *Service) Retry(ctx context.Context, id string, act audit.Act) (RefundInfo, error) {
	return s.act(ctx, id, act, "retry_refund", []string{refundNeedsAttention, refundFailed}, func(row refundRow) (string, int) {
		if row.Spent {
			return refundDue, row.Sending + 1
		}
		return refundDue, row.Sending
	})
}

// SettleByHand records that a person has sent the money of a refund back by other means. Only one that needs attention is
// sent by nobody else.
func (s *Service) SettleByHand(ctx context.Context, id string, act audit.Act) (RefundInfo, error) {
	return s.act(ctx, id, act, "settle_refund", []string{refundNeedsAttention}, func(row refundRow) (string, int) {
		return refundSettled, row.Sending
	})
}

// act changes a refund that needs a person. It fails with ErrRefundAbsent, or with ErrRefundInFlight for one that is being
// sent or is back: another decision could move its money twice.
func (s *Service) act(
	ctx context.Context, id string, act audit.Act, what string, from []string, decide func(refundRow) (state string, sending int),
) (RefundInfo, error) {
	row, err := s.findRefund(ctx, id)
	if err != nil {
		return RefundInfo{}, err
	}
	switch soon := s.Now().Add(claimLease).UnixMilli(); {
	case !slices.Contains(from, row.State):
		return row.info(), fmt.Errorf("%w: it is %s", ErrRefundInFlight, row.State)
	case row.State == refundFailed && row.NextAt <= soon: // a worker has it, or has it next
		return row.info(), fmt.Errorf("%w: it is sent within %s", ErrRefundInFlight, claimLease)
	}
	state, sending := decide(row)
	now := s.Now()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE refunds SET state = ?, sending = ?, spent = 0, tries = ?, reference = ?,
			next_at = ?, changed_at = ? WHERE id = ? AND state = ? AND sending = ? AND next_at = ?`,
			state, sending, triesBefore(row, sending), referenceOf(row, sending), now.UnixMilli(), now.UnixMilli(),
			id, row.State, row.Sending, row.NextAt); err != nil {
			return err
		}
		return audit.Record(ctx, tx, act, audit.Entry{
			What: what, Subject: id, Before: map[string]any{"state": row.State}, After: map[string]any{"state": state},
		}, now)
	})
	if errors.Is(err, db.ErrConflict) {
		return row.info(), fmt.Errorf("%w: a worker has just taken it", ErrRefundInFlight)
	}
	if err != nil {
		return RefundInfo{}, s.failed("change refund", err)
	}
	row, err = s.findRefund(ctx, id)
	return row.info(), err
}
