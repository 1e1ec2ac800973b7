// Package presence knows which processes of an office are alive. Each renews a row in the stock database every few seconds:
// one that is killed, or hangs, is gone some seconds later, whatever the message queue still takes it for.
package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/outage"
)

const (
	beatPause   = 2 * time.Second
	beatTimeout = 3 * time.Second
	aliveFor    = 7 * time.Second // after the last beat: one may be lost, and clocks be half a second apart
	keptFor     = time.Hour       // rows of the dead
	processMax  = 1000            // that are listed
)

// ErrUnavailable says that the database is away.
var ErrUnavailable = errors.New("database is away")

// Process is one process of the office.
type Process struct {
	ID        string
	Host      string
	PID       int
	Roles     string // with commas between
	Version   string
	StartedAt time.Time     // by its own clock
	SeenAt    time.Time     // by the database server's clock
	Ahead     time.Duration // of the process's clock, compared with the database server's
}

// Register is the list of an office's processes.
type Register struct {
	db  *db.DB
	now func() time.Time
	log *slog.Logger
}

// NewRegister returns the register that the stock database holds.
func NewRegister(d *db.DB, now func() time.Time, log *slog.Logger) *Register {
	return &Register{db: d, now: now, log: log}
}

// Run keeps a process in the register until ctx ends, and takes it out then. A database that is away is tried again; away is told
// of each try, and is nil where somebody else tells of the outages of this database.
func (r *Register) Run(ctx context.Context, p Process, away func(error) bool) {
	ticker := time.NewTicker(beatPause)
	defer ticker.Stop()
	loop := outage.NewLoop(r.log, "this process cannot say that it is alive", ErrUnavailable)
	for {
		err := r.Beat(ctx, p)
		loop.Observe(ctx, err)
		if away != nil && ctx.Err() == nil && (err == nil || errors.Is(err, ErrUnavailable)) {
			away(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatTimeout)
			defer cancel()
			if err := r.leave(leaving, p.ID); err != nil {
				r.log.Debug("leave the register of processes", "error", err)
			}
			return
		}
	}
}

// Beat says that a process is alive, and takes out those that have been dead for long.
func (r *Register) Beat(ctx context.Context, p Process) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	now, ahead, err := r.serverTime(ctx)
	if err != nil {
		return err
	}
	return r.failed("renew the row of a process", r.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM processes WHERE id <> ? AND seen_at < ?`, p.ID, now.Add(-keptFor).UnixMilli()); err != nil {
			return err
		}
		err := tx.ExecGuarded(ctx, 1, `UPDATE processes SET seen_at = ?, ahead_ms = ? WHERE id = ?`,
			now.UnixMilli(), ahead.Milliseconds(), p.ID)
		if errors.Is(err, db.ErrConflict) { // its first beat, or somebody took it for dead
			return tx.Insert(ctx, `processes (id, host, pid, roles, version, started_at, seen_at, ahead_ms)`, []any{
				p.ID, p.Host, p.PID, p.Roles, p.Version, p.StartedAt.UnixMilli(), now.UnixMilli(), ahead.Milliseconds(),
			})
		}
		return err
	}))
}

// leave takes a process out.
func (r *Register) leave(ctx context.Context, id string) error {
	return r.failed("take a process out", r.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM processes WHERE id = ?`, id)
		return err
	}))
}

// Alive lists the processes that have said so in the last seconds, in the order of their starts.
func (r *Register) Alive(ctx context.Context) ([]Process, error) {
	now, _, err := r.serverTime(ctx)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID        string `db:"id"`
		Host      string `db:"host"`
		PID       int    `db:"pid"`
		Roles     string `db:"roles"`
		Version   string `db:"version"`
		StartedAt int64  `db:"started_at"`
		SeenAt    int64  `db:"seen_at"`
		AheadMS   int64  `db:"ahead_ms"`
	}
	if err := r.db.Reader().SelectContext(ctx, &rows, `SELECT id, host, pid, roles, version, started_at, seen_at, ahead_ms
		FROM processes WHERE seen_at >= ? ORDER BY started_at, id LIMIT ?`, now.Add(-aliveFor).UnixMilli(), processMax); err != nil {
		return nil, r.failed("list processes", err)
	}
	processes := make([]Process, len(rows))
	for i, row := range rows {
		processes[i] = Process{
			ID: row.ID, Host: row.Host, PID: row.PID, Roles: row.Roles, Version: row.Version,
			StartedAt: time.UnixMilli(row.StartedAt).UTC(), SeenAt: time.UnixMilli(row.SeenAt).UTC(),
			Ahead: time.Duration(row.AheadMS) * time.Millisecond,
		}
	}
	return processes, nil
}

// serverTime is the time by the database server's clock, which all processes share, and how far this process's own is
// ahead of it.
func (r *Register) serverTime(ctx context.Context) (now time.Time, ahead time.Duration, err error) {
	ahead, err = r.db.ClockSkew(ctx, r.now)
	if err != nil {
		return now, 0, r.failed("compare clocks", err)
	}
	return r.now().Add(-ahead), ahead, nil
}

func (r *Register) failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case r.db.IsUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
