package site

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// ownShutdown is in what the client library reports as an error when a client of ours was shut down in the middle of a request.
const ownShutdown = "service close is not running"

// Quiet has the client library log errors only. Start does it; call it first where no site is started.
func Quiet() { rlog.SetLogLevel("error") }

// errorsOnly passes on what a learner should see: errors, but not those that are made by a shutdown of our own.
type errorsOnly struct{ slog.Handler }

func newLog(w io.Writer) *slog.Logger {
	return slog.New(errorsOnly{slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})})
}

// Handle implements slog.Handler.
func (e errorsOnly) Handle(ctx context.Context, r slog.Record) error {
	own := false
	r.Attrs(func(a slog.Attr) bool {
		own = own || strings.Contains(a.Value.String(), ownShutdown)
		return !own
	})
	if own {
		return nil
	}
	return e.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (e errorsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return errorsOnly{e.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (e errorsOnly) WithGroup(name string) slog.Handler { return errorsOnly{e.Handler.WithGroup(name)} }
