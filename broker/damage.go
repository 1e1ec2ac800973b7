package broker

import (
	"errors"
	"fmt"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/internal/store"
)

// IsFull tells whether New has failed because a disk, a quota or the table of open files is full.
func IsFull(err error) bool { return commitlog.IsFull(err) }

// IsLocked tells whether New has failed because another process, or another Broker, uses the directory of the log.
func IsLocked(err error) bool { return errors.Is(err, commitlog.ErrLocked) }

// DamageError says that the log is damaged where a crash cannot have damaged it,
// so that messages which were acknowledged are lost. WithCutDamage goes on
// without them.
type DamageError struct {
	File  string
	Bytes int64 // from the damage to the end of its file, which would be given up with all later files
	Cause error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the message log is damaged in %s, and %d bytes from there on would be lost: "+
		"bring the data directory back from a backup, or give them up (%v)",
		e.File, e.Bytes, e.Cause)
}

// Unwrap returns the log's own words.
func (e *DamageError) Unwrap() error { return e.Cause }

// SideFileError says that a file beside the log, Path, holds something else than
// the broker has written there, and by Without what happens when it is removed.
type SideFileError = store.SideFileError
