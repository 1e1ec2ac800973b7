package order

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"boxoffice/common/db"
)

// NoteMax is the longest note of an act, in bytes.
const NoteMax = 1000

// Act is an act of an operator on orders or money.
type Act struct {
	Actor string // who
	Note  string // why
}

// RecordAct records what an operator does to a subject, an order, payment or refund by its id, in the transaction that
// does it. what is the act in one word.
func RecordAct(ctx context.Context, tx *db.Tx, act Act, what, subject string, now time.Time) error {
	id := fmt.Sprintf("%013x%s", now.UnixMilli(), rand.Text())
	if err := tx.Insert(ctx, `operator_acts (id, at, actor, act, subject, note)`,
		[]any{id, now.UnixMilli(), act.Actor, what, subject, act.Note}); err != nil {
		return fmt.Errorf("record an operator's act: %w", err)
	}
	return nil
}

// RecordedAct is an act with when it was, and what was done to what.
type RecordedAct struct {
	Act
	At      time.Time
	What    string
	Subject string
}

type actRow struct {
	ID      string `db:"id"`
	At      int64  `db:"at"`
	Actor   string `db:"actor"`
	Act     string `db:"act"`
	Subject string `db:"subject"`
	Note    string `db:"note"`
}

func (r actRow) act() RecordedAct {
	return RecordedAct{Act{r.Actor, r.Note}, time.UnixMilli(r.At).UTC(), r.Act, r.Subject}
}

// RecordAct records an operator's act that changes no row by itself: something was sent again, and the services decide what
// comes of it.
func (o *Orders) RecordAct(ctx context.Context, act Act, what, subject string) error {
	return o.unavailable(o.db.InTx(ctx, func(tx *db.Tx) error { return RecordAct(ctx, tx, act, what, subject, o.now()) }))
}

// Acts returns the acts of operators, the latest first, at most limit, before beforeID; an empty subject is all.
func (o *Orders) Acts(ctx context.Context, subject, beforeID string, limit int) (acts []RecordedAct, next string, err error) {
	var rows []actRow
	if beforeID == "" {
		beforeID = "~" // after every id
	}
	query, args := `SELECT id, at, actor, act, subject, note FROM operator_acts WHERE id < ? ORDER BY id DESC LIMIT ?`, []any{beforeID, limit + 1}
	if subject != "" {
		query = `SELECT id, at, actor, act, subject, note FROM operator_acts WHERE subject = ? AND id < ? ORDER BY id DESC LIMIT ?`
		args = append([]any{subject}, args...)
	}
	if err := o.db.Reader().SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, "", o.unavailable(fmt.Errorf("read operators' acts: %w", err))
	}
	if len(rows) > limit {
		rows, next = rows[:limit], rows[limit-1].ID
	}
	for _, r := range rows {
		acts = append(acts, r.act())
	}
	return acts, next, nil
}
