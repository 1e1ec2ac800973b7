package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
)

// logRequest logs a request once it is answered: a warning or an error if it failed on our side, else a debug line.
func (h *handler) logRequest(c echo.Context, elapsed time.Duration, err error) {
	level := h.requestLevel(c, err)
	if !h.Log.Enabled(c.Request().Context(), level) {
		return
	}
	skipped := 0
	if level == slog.LevelWarn {
		var passes bool
		if passes, skipped = h.warnings.pass(h.Wall()); !passes {
			return
		}
	}
	ctx := traced(c)
	attrs := []slog.Attr{
		slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", c.Response().Status),
		slog.Duration("elapsed", elapsed),
		slog.String("trace_id", trace.SpanContextFromContext(ctx).TraceID().String()),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	if skipped > 0 {
		attrs = append(attrs, slog.Int("others_since", skipped))
	}
	h.Log.LogAttrs(ctx, level, "request", attrs...)
}

// requestLevel is the log level of an answered request. A 503 "busy" is no warning: the office works and has too much to
// do, a line for each such request would make that worse, and the request metrics count them. Nor is a request that was
// cut off because its caller has gone.
func (h *handler) requestLevel(c echo.Context, err error) slog.Level {
	if c.Response().Status < http.StatusInternalServerError {
		return slog.LevelDebug
	}
	switch row, _ := h.problems.find(err); row.kind {
	case busy:
		return slog.LevelDebug
	case unavailable, providerAway, identityAway:
		if c.Request().Context().Err() != nil {
			return slog.LevelDebug
		}
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}
