package commitlog

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

var (
	// ErrLocked says that another process, or another Log, has the directory open.
	ErrLocked = errors.New("commitlog: another process uses the directory")
	// ErrCorrupt says that the files are damaged where a crash cannot have damaged them.
	ErrCorrupt = errors.New("commitlog: corrupt log")
	// ErrNotFound says that no record starts at the offset.
	ErrNotFound = errors.New("commitlog: no record at the offset")
	// ErrTooLarge says that the record is larger than Options.MaxRecordBytes.
	ErrTooLarge = errors.New("commitlog: record too large")
	// ErrFull says that the disk is full, or that no file can be opened. It passes
	// when there is room again; it wraps the cause.
	ErrFull = errors.New("commitlog: the log cannot grow now")
	// ErrFailed says that a write or fsync failed. After a failed fsync nobody knows what
	// is on the disk (ATC'20, "Can applications recover from fsync failures?"),
	// so the log never tries again; it wraps the cause.
	ErrFailed = errors.New("commitlog: log failed")
	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("commitlog: log closed")
)

// CorruptError says where the log is damaged. It is an ErrCorrupt.
type CorruptError struct {
	File   string
	Offset int64 // of the first record, or the first missing byte, that is damaged
	Behind int64 // bytes from there on, which Options.CutDamage gives up; 0 when it does not help
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("commitlog: corrupt log at offset %d in %s: %s", e.Offset, e.File, e.Reason)
}

// Unwrap makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// IsFull tells a disk, a quota or a table of open files that is full from a disk
// that fails. Nothing else can be tried again: see ErrFailed.
func IsFull(err error) bool {
	if errors.As(err, new(failedSync)) {
		return false
	}
	const windowsHandleFull, windowsFull = syscall.Errno(39), syscall.Errno(112)
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		runtime.GOOS == "windows" && (errors.Is(err, windowsHandleFull) || errors.Is(err, windowsFull))
}

// failedSync is the error of an fsync. Whatever it says, another try would not
// tell what is on the disk.
type failedSync struct{ error }

func (e failedSync) Unwrap() error { return e.error }

// NoteError says that the file which notes how much of the log was durable holds something else.
type NoteError struct{ File string }

func (e *NoteError) Error() string { return "commitlog: " + e.File + " is not the note of an end" }
