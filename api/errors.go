package api

import (
	"context"
	"errors"
	"net/http"

	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/stock"
)

// problem is one line of the table: what a caller is told when something went wrong.
type problem struct {
	kind   kind
	status int
	code   string // stable: what a client decides by. Title and detail may change
	title  string
	detail string  // unless the refusal brings its own
	errs   []error // of the services, that mean this problem
}

// kind numbers the problems; it is the index into the table.
type kind int

const (
	internal kind = iota // the zero value: whatever has no line of its own
	soldOut
	limitExceeded
	saleNotOpen
	saleClosed
	alreadyPaid
	capacityTooSmall
	screeningArchived
	keyMissing
	keyReused
	malformed
	invalid
	notFound
	unauthorized
	forbidden
	badSignature
	bodyTooLarge
	unsupportedMediaType
	methodNotAllowed
	rateLimited
	busy
	unavailable
	kinds
)

// problems is the one table from domain errors to HTTP.
func problems() [kinds]problem {
	return [kinds]problem{
		{internal, http.StatusInternalServerError, "internal", "Internal error",
			"The request failed for a reason that is not yours. It has been logged.", nil},
		{soldOut, http.StatusConflict, "sold_out", "Sold out",
			"There are not as many tickets left. Unpaid ones come back when their payment window ends.",
			[]error{stock.ErrSoldOut}},
		{limitExceeded, http.StatusConflict, "limit_exceeded", "Limit per buyer exceeded",
			"You would hold more tickets for this screening than one buyer may.", []error{stock.ErrLimitExceeded}},
		{saleNotOpen, http.StatusConflict, "sale_not_open", "Sale not open yet",
			"The sale of this screening has not begun: see sale_opens_at.", []error{stock.ErrSaleNotOpen}},
		{saleClosed, http.StatusConflict, "sale_closed", "Sale closed",
			"The sale of this screening is over: see sale_closes_at.", []error{stock.ErrSaleClosed}},
		{alreadyPaid, http.StatusConflict, "already_paid", "Already paid",
			"The order is paid and cannot be cancelled.", []error{order.ErrAlreadyPaid}},
		{capacityTooSmall, http.StatusConflict, "capacity_too_small", "Capacity too small",
			"The capacity cannot go below the tickets that are reserved and sold.", []error{stock.ErrCapacityTooSmall}},
		{screeningArchived, http.StatusConflict, "screening_archived", "Screening archived",
			"The screening is over and its orders are in the archive: restore it before it is changed.", []error{stock.ErrArchived}},
		{keyMissing, http.StatusBadRequest, "idempotency_key_missing", "Idempotency-Key missing",
			"Send an Idempotency-Key header, and the same one when you retry: it makes the retry the same order.", nil},
		{keyReused, http.StatusUnprocessableEntity, "idempotency_key_reused", "Idempotency-Key reused",
			"This Idempotency-Key was used for a purchase of another screening or quantity.", []error{sale.ErrKeyReused}},
		{malformed, http.StatusBadRequest, "invalid_request", "Malformed request", "The request cannot be read.",
			[]error{stock.ErrCursorInvalid}},
		{invalid, http.StatusUnprocessableEntity, "invalid_request", "Invalid request",
			"A value in the request is not allowed.", []error{stock.ErrInvalid, order.ErrInvalidPayment}},
		{notFound, http.StatusNotFound, "not_found", "Not found", "There is nothing here that you may see.",
			[]error{stock.ErrScreeningNotFound, stock.ErrReservationAbsent, order.ErrOrderAbsent}},
		{unauthorized, http.StatusUnauthorized, "unauthorized", "Not authenticated",
			"Send a valid bearer token in the Authorization header.", nil},
		{forbidden, http.StatusForbidden, "forbidden", "Not allowed", "Your role may not do this.", nil},
		{badSignature, http.StatusUnauthorized, "bad_signature", "Bad signature",
			"The callback is not signed as Standard Webhooks asks, or its timestamp is too far from now.", nil},
		{bodyTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "Body too large",
			"The request body is larger than this call accepts.", nil},
		{unsupportedMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type",
			"The body must be application/json in UTF-8, not compressed.", nil},
		{methodNotAllowed, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
			"See the Allow header for what this path understands.", nil},
		{rateLimited, http.StatusTooManyRequests, "rate_limited", "Too many requests",
			"You are sending faster than one buyer, or one network address, may. Wait as long as Retry-After says.", nil},
		{busy, http.StatusServiceUnavailable, "busy", "Busy",
			"More requests are in flight than can be taken. Nothing was done: send the same request again.",
			[]error{sale.ErrBusy, order.ErrBusy}},
		{unavailable, http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable",
			"A part of the box office is away. Send the same request again.",
			[]error{stock.ErrUnavailable, order.ErrUnavailable, context.Canceled, context.DeadlineExceeded}},
	}
}

// refusal is an error that the API raises itself. An empty detail is the table's.
type refusal struct {
	kind   kind
	detail string
}

// Error makes a refusal readable in a log.
func (r refusal) Error() string { return r.detail }

// problemTable is the table with its answers encoded once.
type problemTable struct {
	rows   [kinds]problem
	bodies [kinds][]byte

	content []string // the Content-Type of every problem
}

func newProblemTable() *problemTable {
	table := &problemTable{rows: problems(), content: []string{contentProblem}}
	for i := range table.rows {
		table.bodies[i] = appendProblem(nil, &table.rows[i], table.rows[i].detail, "")
	}
	return table
}

// find returns the line for err, and the detail that err brings of its own or "".
func (t *problemTable) find(err error) (row *problem, detail string) {
	if own, ok := errors.AsType[refusal](err); ok {
		return &t.rows[own.kind], own.detail
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &t.rows[bodyTooLarge], ""
	}
	for i := range t.rows {
		for _, known := range t.rows[i].errs {
			if errors.Is(err, known) {
				return &t.rows[i], ""
			}
		}
	}
	return &t.rows[kindOfEcho(err)], ""
}
