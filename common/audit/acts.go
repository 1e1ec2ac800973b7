// Package audit is the log of what operators do: who, when, to what, why, and what it changed. Each act is recorded in
// the database whose rows it changes, in the transaction that changes them, so that neither is there without the other.
package audit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
)

// NoteMax is the longest note of an act, in characters, as its column counts and the schema of the API: the console's field
// counts those beyond the 16 bits of UTF-16 as two.
const NoteMax = 1000

// Act is who does something, and why. Without an actor it is the program's own doing, and is not recorded.
type Act struct {
	Actor string
	Note  string // may be empty where nothing is lost by the act
}

// Entry is what an act does to its subject. Before and After are the fields that change, by name; nil is nothing.
type Entry struct {
	What    string // the act in one word
	Subject string // the id of a screening, an order, a payment or a refund
	Before  map[string]any
	After   map[string]any
}

// Recorded is an act with when it was and what it did. Before and After are JSON objects, empty where nothing is known.
type Recorded struct {
	Act
	ID      string // in the order of time
	At      time.Time
	What    string
	Subject string
	Before  json.RawMessage
	After   json.RawMessage
}

// Filter picks acts. An empty field picks all.
type Filter struct {
	Subject  string
	Actor    string
	BeforeID string // those before this one
}

// Record records an act in the transaction that does it.
func Record(ctx context.Context, tx *db.Tx, act Act, entry Entry, now time.Time) error {
	if act.Actor == "" {
		return nil
	}
	before, err := encode(entry.Before)
	if err != nil {
		return fmt.Errorf("record an operator's act: %w", err)
	}
	after, err := encode(entry.After)
	if err != nil {
		return fmt.Errorf("record an operator's act: %w", err)
	}
	id := fmt.Sprintf("%013x%s", now.UnixMilli(), rand.Text())
	if err := tx.Insert(ctx, `operator_acts (id, at, actor, act, subject, note, fields_before, fields_after)`,
		[]any{id, now.UnixMilli(), act.Actor, entry.What, entry.Subject, act.Note, before, after}); err != nil {
		return fmt.Errorf("record an operator's act: %w", err)
	}
	return nil
}

func encode(fields map[string]any) (any, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(fields)
	return string(text), err
}

// actRow is a row of operator_acts.
type actRow struct {
	ID      string         `db:"id"`
	At      int64          `db:"at"`
	Actor   string         `db:"actor"`
	Act     string         `db:"act"`
	Subject string         `db:"subject"`
	Note    string         `db:"note"`
	Before  sql.NullString `db:"fields_before"`
	After   sql.NullString `db:"fields_after"`
}

// Read returns the acts that a filter picks, the latest first, at most limit.
func Read(ctx context.Context, q sqlx.QueryerContext, f Filter, limit int) ([]Recorded, error) {
	var conditions []string
	var args []any
	for _, field := range []struct{ condition, value string }{
		{"subject = ?", f.Subject}, {"actor = ?", f.Actor}, {"id < ?", f.BeforeID},
	} {
		if field.value != "" {
			conditions = append(conditions, field.condition)
			args = append(args, field.value)
		}
	}
	where := ""
	if len(conditions) > 0 {
		where = "WHERE " + strings.Join(conditions, " AND ")
	}
	return read(ctx, q, where+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
}

// ReadOn returns the acts on some subjects, the earliest first, at most limit.
func ReadOn(ctx context.Context, q sqlx.QueryerContext, subjects []string, limit int) ([]Recorded, error) {
	return read(ctx, q, `WHERE subject IN `+db.In(len(subjects))+` ORDER BY id LIMIT ?`, append(db.Args(subjects), limit)...)
}

// read returns the acts that the end of a SELECT picks.
func read(ctx context.Context, q sqlx.QueryerContext, which string, args ...any) ([]Recorded, error) {
	var rows []actRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, at, actor, act, subject, note, fields_before, fields_after
		FROM operator_acts `+which, args...); err != nil {
		return nil, fmt.Errorf("read operators' acts: %w", err)
	}
	acts := make([]Recorded, len(rows))
	for i, r := range rows {
		acts[i] = Recorded{
			Act: Act{Actor: r.Actor, Note: r.Note}, ID: r.ID, At: time.UnixMilli(r.At).UTC(), What: r.Act, Subject: r.Subject,
			Before: json.RawMessage(r.Before.String), After: json.RawMessage(r.After.String),
		}
	}
	return acts, nil
}
