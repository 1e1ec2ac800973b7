package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
)

// retryAfterSeconds is what Retry-After says: about the time in which a queue drains or a broker is elected.
const retryAfterSeconds = "1"

const contentProblem = "application/problem+json"

// refuse answers a request with the problem that err is, in the form of RFC 9457.
func (o *office) refuse(c echo.Context, err error) {
	if c.Response().Committed {
		return
	}
	row, detail := o.problems.find(err)
	header := c.Response().Header()
	switch row.kind {
	case unauthorized:
		if header.Get(echo.HeaderWWWAuthenticate) == "" {
			header.Set(echo.HeaderWWWAuthenticate, `Bearer realm="boxoffice"`)
		}
	case badSignature: // RFC 9110 section 15.5.2: every 401 names what it asks for
		header.Set(echo.HeaderWWWAuthenticate, `StandardWebhooks realm="boxoffice"`)
	case rateLimited, busy, unavailable:
		header.Set(echo.HeaderRetryAfter, retryAfterSeconds)
	}
	body := o.problems.bodies[row.kind]
	traceID := ""
	if row.status >= http.StatusInternalServerError {
		traceID = trace.SpanContextFromContext(traced(c)).TraceID().String()
	}
	if detail != "" || traceID != "" {
		if detail == "" {
			detail = row.detail
		}
		body = appendProblem(make([]byte, 0, 512), row, detail, traceID)
	}
	header[echo.HeaderContentType] = o.problems.content
	c.Response().WriteHeader(row.status)
	if _, err := c.Response().Write(body); err != nil {
		o.Log.DebugContext(traced(c), "write problem", "error", err)
	}
}

// appendProblem encodes one problem. type is a relative reference, which RFC 9457 section 3.1.1 allows: the page that
// it leads to lists every code.
func appendProblem(b []byte, p *problem, detail, traceID string) []byte {
	b = append(b, `{"type":"/problems#`...)
	b = append(b, p.code...)
	b = append(b, `","title":`...)
	b = appendString(b, p.title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, detail)
	b = append(b, `,"code":"`...)
	b = append(b, p.code...)
	b = append(b, '"')
	if traceID != "" {
		b = append(b, `,"trace_id":"`...)
		b = append(b, traceID...)
		b = append(b, '"')
	}
	return append(b, '}')
}

// kindOfEcho reads the router's own errors. Anything else has no line in the table and is internal.
func kindOfEcho(err error) kind {
	routing, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return internal
	}
	switch routing.Code {
	case http.StatusNotFound:
		return notFound
	case http.StatusMethodNotAllowed:
		return methodNotAllowed
	case http.StatusRequestEntityTooLarge:
		return bodyTooLarge
	case http.StatusUnsupportedMediaType:
		return unsupportedMediaType
	case http.StatusBadRequest:
		return malformed
	default:
		return internal
	}
}

// panicError carries what a handler panicked with, and where, into the log and nowhere else.
func panicError(cause any) error {
	return fmt.Errorf("handler panicked: %v\n%s", cause, debug.Stack())
}

// logRequest writes one line for a request that failed on our side. Busy is the answer of a working office under load:
// a line for each would make the load worse, and the request metrics count them.
func (o *office) logRequest(c echo.Context, elapsed time.Duration, err error) {
	status := c.Response().Status
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		switch row, _ := o.problems.find(err); row.kind {
		case busy:
		case unavailable:
			// What was cut off because its caller has gone says nothing about the office.
			if c.Request().Context().Err() == nil {
				level = slog.LevelWarn
			}
		default:
			level = slog.LevelError
		}
	}
	if !o.Log.Enabled(c.Request().Context(), level) {
		return
	}
	ctx := traced(c)
	attrs := []slog.Attr{
		slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", status),
		slog.Duration("elapsed", elapsed),
		slog.String("trace_id", trace.SpanContextFromContext(ctx).TraceID().String()),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	o.Log.LogAttrs(ctx, level, "request", attrs...)
}
