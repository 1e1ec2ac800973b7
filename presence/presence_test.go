package presence

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/stock/stocktest"
)

func newRegister(d *db.DB, ahead time.Duration) *Register {
	return NewRegister(d, func() time.Time { return time.Now().Add(ahead) }, slog.New(slog.DiscardHandler))
}

func newProcess(id string) Process {
	return Process{ID: id, Host: "box", PID: 7, Roles: "api", Version: "v1", StartedAt: time.Now()}
}

func wantAlive(t *testing.T, r *Register, want ...string) []Process {
	t.Helper()
	processes, err := r.Alive(t.Context())
	if err != nil || len(processes) != len(want) {
		t.Fatalf("alive are %+v, %v, want %q", processes, err, want)
	}
	for i, p := range processes {
		if p.ID != want[i] {
			t.Fatalf("alive are %+v, want %q", processes, want)
		}
	}
	return processes
}

// Whoever is silent for some seconds is dead, comes back by its next beat, and is forgotten after an hour.
func TestSilentProcessIsDead(t *testing.T) {
	d := stocktest.NewDB(t)
	r := newRegister(d, 0)
	beat := func(id string) {
		if err := r.Beat(t.Context(), newProcess(id)); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"a", "b", "a"} {
		beat(id)
	}
	got := wantAlive(t, r, "a", "b")[0]
	if got.Host != "box" || got.PID != 7 || got.Roles != "api" || got.Version != "v1" || got.Ahead.Abs() > 2*time.Second {
		t.Errorf("a is %+v", got)
	}
	age := func(by time.Duration) {
		dbtest.Exec(t, d, `UPDATE processes SET seen_at = seen_at - ? WHERE id = 'a'`, by.Milliseconds())
	}
	age(aliveFor + time.Second)
	wantAlive(t, r, "b")
	beat("a")
	wantAlive(t, r, "a", "b")
	age(keptFor + time.Minute)
	beat("b")
	var rows int
	if err := d.Reader().GetContext(t.Context(), &rows, `SELECT COUNT(*) FROM processes`); err != nil || rows != 1 {
		t.Errorf("%d rows, %v, want b's alone", rows, err)
	}
}

// A process enters itself, and takes itself out when it stops.
func TestRunEntersAndLeaves(t *testing.T) {
	r := newRegister(stocktest.NewDB(t), 0)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx, newProcess("a"), nil) }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if processes, err := r.Alive(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("nobody has entered, %v", err)
		} else if len(processes) == 1 {
			break
		}
	}
	stop()
	<-done
	wantAlive(t, r)
}

// Processes are judged by the database server's clock, where there is one: another clock of their own kills nobody.
func TestClocksMayDiffer(t *testing.T) {
	d := stocktest.NewDB(t)
	if d.Name() == "sqlite" {
		t.Skip("there is no other clock than this machine's")
	}
	early := newRegister(d, -time.Hour)
	if err := early.Beat(t.Context(), newProcess("early")); err != nil {
		t.Fatal(err)
	}
	if got := wantAlive(t, newRegister(d, time.Hour), "early")[0].Ahead; got > -59*time.Minute || got < -61*time.Minute {
		t.Errorf("its clock is %v ahead, want an hour behind", got)
	}
}

func TestDatabaseThatIsAway(t *testing.T) {
	d := stocktest.NewDB(t)
	r := newRegister(d, 0)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Alive(t.Context())
	if beatErr := r.Beat(t.Context(), newProcess("a")); !errors.Is(err, ErrUnavailable) || !errors.Is(beatErr, ErrUnavailable) {
		t.Errorf("%v, %v, want ErrUnavailable", err, beatErr)
	}
}

// In an outage of the database that the watch tells of in two lines this process had a third one, and in one that nobody watches
// it did not say when it was over. The watch, or whoever is told in its place, has the only lines.
func TestOutageIsToldByOneAlone(t *testing.T) {
	d := stocktest.NewDB(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r := NewRegister(d, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	r.Run(ctx, newProcess("a"), func(err error) bool {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("told of %v", err)
		}
		if told++; told == 2 {
			cancel()
		}
		return true
	})
	if told != 2 || log.Len() > 0 {
		t.Errorf("told %d times, and logged %s", told, &log)
	}
}
