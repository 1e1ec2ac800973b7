package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"boxoffice/tickets"
)

// answerProblem answers a failed request with the problem for err.
func (h *handler) answerProblem(c echo.Context, err error) {
	if c.Response().Committed {
		return
	}
	row, detail := h.problems.find(err)
	header := c.Response().Header()
	row.setHeaders(header)
	header[echo.HeaderContentType] = h.problems.contentType
	c.Response().WriteHeader(row.status)
	if _, err := c.Response().Write(h.problemBody(c, row, detail, membersOf(err))); err != nil {
		h.Log.DebugContext(traced(c), "write problem", "error", err)
	}
}

// membersOf returns what an error brings of its own: of a used ticket, when and where it was used; of one that is not for
// this door, what it is for; and a detail by its code.
func membersOf(err error) problemMembers {
	if used, ok := errors.AsType[tickets.UsedError](err); ok {
		return problemMembers{UsedAt: formatTime(used.At), UsedGate: used.Gate}
	}
	if own, ok := errors.AsType[problemError](err); ok && own.said.Code != "" {
		said := own.said // and not own itself, which would then be made anew for every error
		return problemMembers{Said: &said}
	}
	if elsewhere, ok := errors.AsType[elsewhereError](err); ok {
		s := elsewhere.screening
		return problemMembers{Screening: &ticketPlace{s.ID, s.Movie, s.Venue, formatTime(s.StartsAt)}}
	}
	return problemMembers{}
}

// problemBody encodes a problem, or returns the body made at start when there is neither a detail or member of this request
// nor a trace id to add: a trace id leads the caller of a 5xx to the log.
func (h *handler) problemBody(c echo.Context, row *problem, detail string, members problemMembers) []byte {
	traceID := ""
	if row.status >= http.StatusInternalServerError {
		traceID = trace.SpanContextFromContext(traced(c)).TraceID().String()
	}
	if detail == "" && traceID == "" && members == (problemMembers{}) {
		return h.problems.bodies[row.kind]
	}
	if detail == "" {
		detail = row.detail
	}
	body, err := row.encode(detail, traceID, members)
	if err != nil { // strings and a number always have a JSON form
		return h.problems.bodies[row.kind]
	}
	return body
}
