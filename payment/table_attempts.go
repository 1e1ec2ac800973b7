package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
)

// starting is the state of an attempt before its provider has answered; the table knows it beside those of AttemptState.
const starting AttemptState = "starting"

// attemptRow is the row of an attempt. Times are Unix milliseconds.
type attemptRow struct {
	ID        string       `db:"id"`
	OrderID   string       `db:"order_id"`
	Provider  string       `db:"provider"`
	Amount    int64        `db:"amount"`
	Currency  string       `db:"currency"`
	State     AttemptState `db:"state"`
	ReturnURL string       `db:"return_url"`
	Reference string       `db:"reference"`
	Action    string       `db:"action"` // JSON; empty while starting
	ExpiresAt int64        `db:"expires_at"`
	Tries     int          `db:"tries"`
	NextAt    int64        `db:"next_at"`
	CreatedAt int64        `db:"created_at"`

	AnsweredAt  int64 `db:"answered_at"`  // when its provider said last that it can be paid; 0: it has not been asked yet
	ActionUntil int64 `db:"action_until"` // until when the action can be used; 0: as long as the attempt can be paid

	Account string `db:"account"` // of its provider, with which it was started; empty if nobody knows
}

const attemptColumns = `id, order_id, provider, amount, currency, state, return_url, reference, action, expires_at, tries,
	next_at, created_at, answered_at, action_until, account`

func (r attemptRow) isFinal() bool { return r.State == Paid || r.State == Closed }

// isOf tells whether an attempt can be asked for with this account. Of one that was started before accounts were recorded nobody
// knows better.
func (r attemptRow) isOf(account string) bool {
	return r.Account == "" || account == "" || r.Account == account
}

// reach fails with ErrRefused for an attempt that its provider cannot be asked for.
func (r attemptRow) reach(p Provider) error {
	if now := accountOf(p); !r.isOf(now) {
		return fmt.Errorf("%w: %w: %s, and %s is configured", ErrRefused, errOtherAccount, r.Account, now)
	}
	return nil
}

func (r attemptRow) attempt() Attempt {
	return Attempt{
		ID: r.ID, OrderID: r.OrderID, Amount: event.Money{Amount: r.Amount, Currency: r.Currency},
		Description: "Order " + r.OrderID, ReturnURL: r.ReturnURL,
		ExpiresAt: time.UnixMilli(r.ExpiresAt).UTC(), Reference: r.Reference,
	}
}

// hasDeadAction tells whether an attempt is open, and what its payer has to do can be done no more.
func (r attemptRow) hasDeadAction(now time.Time) bool {
	return r.State == Open && r.ActionUntil > 0 && now.UnixMilli() >= r.ActionUntil
}

// action decodes what the payer has to do.
func (r attemptRow) action() (action Action, err error) {
	if err := json.Unmarshal([]byte(r.Action), &action); err != nil {
		return Action{}, fmt.Errorf("read the action of attempt %s: %w", r.ID, err)
	}
	return action, nil
}

// attemptsOf reads the attempts of these orders, the oldest first of each.
func (s *Service) attemptsOf(ctx context.Context, orderIDs ...string) ([]attemptRow, error) {
	rows, err := readAttempts(ctx, s.db.Reader(), orderIDs...)
	return rows, s.failed("read payment attempts", err)
}

// readAttempts reads the attempts of these orders, the oldest first of each.
func readAttempts(ctx context.Context, q sqlx.QueryerContext, orderIDs ...string) ([]attemptRow, error) {
	return db.SelectIn[attemptRow](ctx, q, `SELECT `+attemptColumns+` FROM payment_attempts
		WHERE order_id IN (?) ORDER BY created_at, id`, orderIDs)
}

// knowsAttempt tells whether an attempt with a provider is recorded.
func (s *Service) knowsAttempt(ctx context.Context, provider, id string) (bool, error) {
	var found []int
	err := s.db.Reader().SelectContext(ctx, &found, `SELECT 1 FROM payment_attempts WHERE id = ? AND provider = ?`, id, provider)
	return len(found) > 0, s.failed("look for a payment attempt", err)
}

// openAttempts reads attempts of a provider that are not final and due to be asked for, up to limit of each state.
func (s *Service) openAttempts(ctx context.Context, provider string, now time.Time, limit int) ([]attemptRow, error) {
	var all []attemptRow
	for _, state := range []AttemptState{starting, Open} { // one after the other: an index then gives them in their order
		var rows []attemptRow
		if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+attemptColumns+` FROM payment_attempts
			WHERE state IN ('starting', 'open') AND provider = ? AND state = ? AND next_at <= ? ORDER BY next_at LIMIT ?`,
			provider, string(state), now.UnixMilli(), limit); err != nil {
			return nil, s.failed("read open payment attempts", err)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// recordedPayment is what makes a payment the one that is recorded: an id alone may have been used for another one.
type recordedPayment struct {
	ID       string `db:"id"`
	OrderID  string `db:"order_id"`
	Amount   int64  `db:"amount"`
	Currency string `db:"currency"`
}

func recordOf(provider string, p Payment) recordedPayment {
	return recordedPayment{order.RecordID(provider, p.ID), p.OrderID, p.Amount.Amount, p.Amount.Currency}
}

// recordedPayments tells which of a provider's payments are recorded.
func (s *Service) recordedPayments(ctx context.Context, provider string, payments []Payment) (map[recordedPayment]bool, error) {
	if len(payments) == 0 {
		return nil, nil
	}
	ids := make([]string, len(payments))
	for i, p := range payments {
		ids[i] = order.RecordID(provider, p.ID)
	}
	found, err := db.SelectIn[recordedPayment](ctx, s.db.Reader(), `SELECT id, order_id, amount, currency FROM payments WHERE id IN (?)`, ids)
	if err != nil {
		return nil, s.failed("read payments", err)
	}
	recorded := map[recordedPayment]bool{}
	for _, payment := range found {
		recorded[payment] = true
	}
	return recorded, nil
}

// insertAttempt records an attempt that starts. It fails with a duplicate key when it is recorded already.
func insertAttempt(ctx context.Context, tx *db.Tx, r attemptRow) error {
	return tx.Insert(ctx, `payment_attempts (id, order_id, provider, amount, currency, state, return_url, expires_at,
		next_at, created_at, changed_at, account)`, []any{
		r.ID, r.OrderID, r.Provider, r.Amount, r.Currency, string(r.State), r.ReturnURL, r.ExpiresAt,
		r.NextAt, r.CreatedAt, r.CreatedAt, r.Account,
	})
}

// openAttempt records that the provider knows an attempt. It changes nothing when that, or more, is recorded already.
func (s *Service) openAttempt(ctx context.Context, r attemptRow, nextAt time.Time) error {
	return s.change(ctx, `UPDATE payment_attempts SET state = 'open', reference = ?, action = ?, action_until = ?, next_at = ?, changed_at = ?
		WHERE id = ? AND state = 'starting'`, r.Reference, r.Action, r.ActionUntil, nextAt.UnixMilli(), s.Now().UnixMilli(), r.ID)
}

// reopenAttempt records that an attempt was started once more. It fails with db.ErrConflict if the attempt is not open any more.
func (s *Service) reopenAttempt(ctx context.Context, r attemptRow) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE payment_attempts SET action = ?, action_until = ?, expires_at = ? WHERE id = ?
			AND state = 'open' AND expires_at <= ?`, r.Action, r.ActionUntil, r.ExpiresAt, r.ID, r.ExpiresAt)
	})
	return s.failed("start a payment attempt again", err)
}

// closeAttempt records the final state of an attempt. It changes nothing when one is recorded already.
func (s *Service) closeAttempt(ctx context.Context, provider, id string, state AttemptState) error {
	return s.change(ctx, `UPDATE payment_attempts SET state = ?, changed_at = ?
		WHERE id = ? AND provider = ? AND state IN ('starting', 'open')`, string(state), s.Now().UnixMilli(), id, provider)
}

// closeUnopened closes an attempt that nobody has opened. It changes nothing when one call of several has opened it.
func (s *Service) closeUnopened(ctx context.Context, id string) error {
	return s.change(ctx, `UPDATE payment_attempts SET state = 'closed', changed_at = ? WHERE id = ? AND state = 'starting'`,
		s.Now().UnixMilli(), id)
}

// change runs a statement that may find nothing to change.
func (s *Service) change(ctx context.Context, statement string, args ...any) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	return s.failed("change payment attempts", err)
}

// claimAttempt is how a worker gets an attempt for itself: it rests until leaseUntil should the worker die.
func (s *Service) claimAttempt(ctx context.Context, row attemptRow, leaseUntil time.Time) error {
	return s.claim(ctx, `UPDATE payment_attempts SET next_at = ?, tries = tries + 1 WHERE id = ? AND next_at = ?`,
		leaseUntil.UnixMilli(), row.ID, row.NextAt)
}
