package app

import (
	"io"
	"log/slog"
	"time"
)

// invocation is how a command was called: what it reads, and where it prints.
type invocation struct {
	Args   []string // after the command's name
	Getenv func(string) string
	Now    func() time.Time
	Stdout io.Writer
}

// newLog returns a log that is printed.
func (i invocation) newLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(i.Stdout, &slog.HandlerOptions{Level: level}))
}
