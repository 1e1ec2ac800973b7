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
		options.ReplaceAttr = writeDurations
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// writeDurations writes a time span with its unit, as a text log has it: 1.785s, and not 1785000000 of nobody knows what.
func writeDurations(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
