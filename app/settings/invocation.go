package settings

import (
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
	Stdout  io.Writer
}

// NewLog returns a log of text that is printed, for a command that has no settings of the log.
func (i Invocation) NewLog(level slog.Level) *slog.Logger {
	return LogText.New(i.Stdout, level)
}
