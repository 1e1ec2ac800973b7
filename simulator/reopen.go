package simulator

import (
	"fmt"

	"boxoffice/common/strictjson"
	"boxoffice/payment"
)

// reopen takes up what an earlier process has kept, and keeps what happens from now on. Who was to pay late, and what the
// office was still to be told, is forgotten: it asks for what it has started. A refund that was pending is carried out. To
// the dice all of it goes by its ids.
func (l *ledger) reopen(j *journal, lines []kept) error {
	var pending []string
	for _, k := range lines {
		if k.Attempt != nil {
			if err := l.reopenAttempt(*k.Attempt); err != nil {
				return err
			}
			continue
		}
		if err := l.reopenRefund(*k.Refund); err != nil {
			return err
		}
		if k.Refund.State == payment.RefundPending {
			pending = append(pending, k.Refund.Refund.Key)
		}
	}
	l.journal = j
	for _, key := range pending {
		l.settle(key, false)
	}
	return nil
}

func (l *ledger) reopenAttempt(k keptAttempt) error {
	expires, err := strictjson.ParseTime(k.Terms.ExpiresAt)
	if err != nil {
		return fmt.Errorf("attempt %s: %w", k.Terms.AttemptID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &attempt{terms: terms{StartBody: k.Terms, expires: expires, name: k.Terms.AttemptID}, state: k.State}
	l.attempts[a.AttemptID] = a
	l.order = append(l.order, a)
	for _, body := range k.Payments {
		l.book(&taken{PaymentBody: body, attempt: a, name: body.PaymentID})
	}
	return nil
}

func (l *ledger) reopenRefund(k keptRefund) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	of, known := l.payments[k.Refund.PaymentID]
	if !known {
		return fmt.Errorf("refund %s: payment %w", k.Refund.Key, errUnknown)
	}
	l.refunds[k.Refund.Key] = &refund{
		RefundBody: k.Refund, name: k.Refund.Key, of: of, state: k.State, detail: k.Detail, calls: k.Calls,
	}
	if k.State != payment.RefundFailed {
		of.reserved += k.Refund.Amount
	}
	l.moves[k.Refund.Key] = k.Moved
	l.sentBack[k.Refund.Currency] += int64(k.Moved) * k.Refund.Amount
	return nil
}
