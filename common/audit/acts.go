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
	Actor   string
	Name    string // of the actor for people, where the actor is an identity provider's id; empty: there is no better one
	Process string // that was asked to do it; may be empty
	Note    string // may be empty where nothing is lost by the act
}

// The longest names that are recorded, in bytes.
const (
	nameMax    = 256
	processMax = 128
)

// Who names the actor for people, and so that others of the same name are told apart.
func (a Act) Who() string {
	if a.Name == "" || a.Name == a.Actor {
		return a.Actor
	}
	return a.Name + " (" + a.Actor + ")"
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

// Filter picks acts. An empty field picks all; without Subject what MendOne says is left out.
type Filter struct {
	Subject  string
	Actor    string
	What     string
	BeforeID string // those before this one
}

// MendOne is what an act that was done about many has done to each of them. It is read with its subject alone: the act itself is
// in the list of all.
const MendOne = "mend_one"

// Record records an act in the transaction that does it.
func Record(ctx context.Context, tx *db.Tx, act Act, entry Entry, now time.Time) error {
	return RecordEach(ctx, tx, act, entry, []string{entry.Subject}, now)
}

// RecordEach is Record for an act that does the same to each of some subjects, as few as one statement takes.
func RecordEach(ctx context.Context, tx *db.Tx, act Act, entry Entry, subjects []string, now time.Time) error {
	if act.Actor == "" || len(subjects) == 0 {
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
	var values []any
	for _, subject := range subjects {
		id := fmt.Sprintf("%013x%s", now.UnixMilli(), rand.Text())
		values = append(values, id, now.UnixMilli(), act.Actor, entry.What, subject, act.Note, before, after,
			cut(act.Name, nameMax), cut(act.Process, processMax))
	}
	if err := tx.Insert(ctx, `operator_acts (id, at, actor, act, subject, note, fields_before, fields_after, actor_name, process)`,
		values); err != nil {
		return fmt.Errorf("record an operator's act: %w", err)
	}
	return nil
}

// cut shortens a name to what its column holds.
func cut(name string, limit int) string { return strings.ToValidUTF8(name[:min(len(name), limit)], "") }

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
	Name    string         `db:"actor_name"`
	Process string         `db:"process"`
}

// Read returns the acts that a filter picks, the latest first, at most limit.
func Read(ctx context.Context, q sqlx.QueryerContext, f Filter, limit int) ([]Recorded, error) {
	var conditions []string
	var args []any
	for _, field := range []struct{ condition, value string }{
		{"subject = ?", f.Subject}, {"actor = ?", f.Actor}, {"act = ?", f.What}, {"id < ?", f.BeforeID},
	} {
		if field.value != "" {
			conditions = append(conditions, field.condition)
			args = append(args, field.value)
		}
	}
	if f.Subject == "" {
		conditions, args = append(conditions, "act <> ?"), append(args, MendOne)
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
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, at, actor, act, subject, note, fields_before, fields_after, actor_name, process
		FROM operator_acts `+which, args...); err != nil {
		return nil, fmt.Errorf("read operators' acts: %w", err)
	}
	acts := make([]Recorded, len(rows))
	for i, r := range rows {
		acts[i] = Recorded{
			Act: Act{Actor: r.Actor, Name: r.Name, Process: r.Process, Note: r.Note},
			ID:  r.ID, At: time.UnixMilli(r.At).UTC(), What: r.Act, Subject: r.Subject,
			Before: json.RawMessage(r.Before.String), After: json.RawMessage(r.After.String),
		}
	}
	return acts, nil
}
