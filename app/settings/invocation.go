package settings

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// Invocation is how a command was called: what it reads, and where it prints.
type Invocation struct {
	Command string   // its name; empty for the office itself
	Args    []string // after the command's name
	Getenv  func(string) string
	Now     func() time.Time
	// Ages measures for how long something lasts while Now is set to another time; nil: Now has a steady reading of its own.
	Ages func() time.Time
	// Skew says how far Now is ahead of the clock that all processes of an office share; nil asks the order database.
	Skew func(context.Context) (time.Duration, error)

	Stdout io.Writer
}

// NewLog returns a log of text that is printed, for a command that has no settings of the log.
func (i Invocation) NewLog(level slog.Level) *slog.Logger {
	return LogText.New(i.Stdout, level)
}
