package payment

import (
	"context"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

const tellLimit = 64 // refunds in one message

// untoldSelect reads an index of what is not told yet: it is asked every second, beside all refunds that ever were.
const untoldSelect = `SELECT id, order_id, amount, currency, changed_at FROM refunds
	WHERE told = 0 AND state IN ('done', 'settled') ORDER BY id LIMIT ?`

// tellRefunds publishes refund-sent for refunds whose money is back, and returns how many there were. They are marked as told
// after the message is stored: a process that dies in between leaves it to the next pass, which tells of them again.
func (s *Service) tellRefunds(ctx context.Context) (int, error) {
	var rows []refundRow
	if err := s.db.Reader().SelectContext(ctx, &rows, untoldSelect, tellLimit); err != nil {
		return 0, s.failed("read refunds to tell of", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	var sent event.RefundsSent
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
		sent.Refunds = append(sent.Refunds, event.SentRefund{
			ID: r.ID, OrderID: r.OrderID, Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, SentAt: r.ChangedAt,
		})
	}
	if err := s.TellRefunds(ctx, sent); err != nil {
		return 0, fmt.Errorf("tell of refunds: %w", err)
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecIn(ctx, `UPDATE refunds SET told = 1 WHERE id IN (?)`, ids)
	})
	return len(rows), s.failed("mark refunds as told of", err)
}
