package settings

import (
	"errors"
	"io"
	"log/slog"
)

// LogFormat is the form of the log's lines.
type LogFormat string

// The formats. Text is the default, also where no terminal is: what a pipe gets should not depend on who looks.
const (
	LogText LogFormat = "text" // key=value, for people
	LogJSON LogFormat = "json" // an object in each line, for what collects logs
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch format := LogFormat(text); format {
	case LogText, LogJSON:
		*f = format
		return nil
	default:
		return errors.New("a log is text or json")
	}
}

// MarshalText implements encoding.TextMarshaler.
func (f LogFormat) MarshalText() ([]byte, error) { return []byte(f), nil }

// New returns a log that is printed in this format.
func (f LogFormat) New(out io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if f == LogJSON {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
