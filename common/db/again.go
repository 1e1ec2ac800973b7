package db

import (
	"errors"
	"fmt"
)

// ErrOvertaken says that in each of its rounds another transaction was faster. It wraps what the last round failed with.
var ErrOvertaken = errors.New("other transactions kept being faster")

// Again runs a round, and again while it loses a race: it has read, and then written under guards, and fails with ErrConflict or
// a duplicate key because another transaction came in between. Each lost race means that another one has moved the rows
// forward, so rounds end; after so many of them it gives up with ErrOvertaken. A round must keep nothing from one that failed.
func (d *DB) Again(rounds int, round func() error) error {
	var err error
	for range rounds {
		err = round()
		if !errors.Is(err, ErrConflict) && !d.IsDuplicate(err) {
			return err
		}
	}
	return fmt.Errorf("%w: %d rounds: %w", ErrOvertaken, rounds, err)
}
