package db_test

import (
	"errors"
	"fmt"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

// Five services each had a loop for this, and did not agree on which errors lose a race.
func TestAgainRunsUntilARoundIsNotOvertaken(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	if err := insert(t, d, "taken", 1); err != nil {
		t.Fatal(err)
	}
	conflict := fmt.Errorf("change: %w", db.ErrConflict)
	duplicate := fmt.Errorf("insert: %w", insert(t, d, "taken", 1))
	away := errors.New("away")
	for name, c := range map[string]struct {
		fails []error // of each round; those that follow succeed
		want  error
		runs  int
	}{
		"at once":       {nil, nil, 1},
		"another error": {[]error{away}, away, 1},
		"conflict":      {[]error{conflict, conflict}, nil, 3},
		"duplicate":     {[]error{duplicate, conflict}, nil, 3},
		"then away":     {[]error{conflict, away}, away, 2},
		"overtaken":     {[]error{duplicate, duplicate, conflict}, db.ErrOvertaken, 3},
		"and why":       {[]error{duplicate, duplicate, conflict}, db.ErrConflict, 3},
	} {
		runs := 0
		err := d.Again(3, func() error {
			runs++
			if runs <= len(c.fails) {
				return c.fails[runs-1]
			}
			return nil
		})
		if runs != c.runs || !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %d runs, %v; want %d, %v", name, runs, err, c.runs, c.want)
		}
	}
}
