package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/common/keyset"
	"boxoffice/common/sentence"
	"boxoffice/doctor"
	"boxoffice/identity"
	"boxoffice/inquiry"
	"boxoffice/live"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/presence"
	"boxoffice/sale"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// problem is one row of the table of problems: how one kind of failure is answered.
type problem struct {
	kind   problemKind
	status int
	code   string // stable, what a client decides by; title and detail may change
	title  string
	detail string  // unless a problemError brings its own
	errs   []error // of the services, that are answered with this problem
}

// problemKind identifies a problem inside this package; it is the index into the table.
type problemKind int

const (
	internal problemKind = iota // the zero value: every error without a row of its own
	soldOut
	limitExceeded
	saleNotOpen
	saleClosed
	salePaused
	screeningCancelled
	alreadyPaid
	notPayable
	notPaid
	refundTooLarge
	refundInFlight
	capacityTooSmall
	priceFixed
	notArchivable
	screeningArchived
	ticketUsed
	ticketVoid
	ticketInvalid
	wrongScreening
	ticketEarly
	ticketOver
	orderArchived
	notDead
	noRemedy
	keyMissing
	keyReused
	malformed
	invalid
	notFound
	unauthorized
	forbidden
	otherSite
	badSignature
	bodyTooLarge
	unsupportedMediaType
	methodNotAllowed
	rateLimited
	busy
	signInStale
	signInRefused
	identityAway
	providerAway // before unavailable: it can be a deadline, too
	providerRefuses
	unavailable
	problemKinds // their number
)

// problems is the table of all problems: which error of the services, or of this package, gets which answer.
func problems() (table [problemKinds]problem) {
	for _, p := range slices.Concat(officeProblems(), requestProblems()) {
		table[p.kind] = p
	}
	return table
}

// officeProblems are those of what is sold, ordered and paid.
func officeProblems() []problem {
	return []problem{
		{internal, http.StatusInternalServerError, "internal", "Internal error",
			"The request failed for a reason that is not yours. It has been logged.", nil},
		{soldOut, http.StatusConflict, "sold_out", "Sold out",
			"There are not as many tickets left. Unpaid ones come back when their payment window ends.", []error{stock.ErrSoldOut}},
		{limitExceeded, http.StatusConflict, "limit_exceeded", "Limit per buyer exceeded",
			"You would hold more tickets for this screening than one buyer may.", []error{stock.ErrLimitExceeded}},
		{saleNotOpen, http.StatusConflict, "sale_not_open", "Sale not open yet",
			"The sale of this screening has not begun: see sale_opens_at.", []error{stock.ErrSaleNotOpen}},
		{saleClosed, http.StatusConflict, "sale_closed", "Sale closed",
			"The sale of this screening is over: see sale_closes_at.", []error{stock.ErrSaleClosed}},
		{salePaused, http.StatusConflict, "sale_paused", "Sale paused",
			"The sale of this screening rests for the moment. Orders that are made stay as they are.", []error{stock.ErrSalePaused}},
		{screeningCancelled, http.StatusConflict, "screening_cancelled", "Screening cancelled",
			"The screening is cancelled: nothing of it is sold any more, and what was paid goes back.", []error{stock.ErrCancelled}},
		{alreadyPaid, http.StatusConflict, "already_paid", "Already paid",
			"The order is paid: it can neither be paid again nor cancelled by its buyer.", []error{order.ErrAlreadyPaid}},
		{notPayable, http.StatusConflict, "not_payable", "Not payable any more",
			"The order is cancelled, or the time to pay it is over.", []error{order.ErrNotPayable}},
		{notPaid, http.StatusConflict, "not_paid", "Not paid", "The order is not paid.", []error{order.ErrNotPaid, tickets.ErrNotPaid}},
		{refundTooLarge, http.StatusConflict, "refund_too_large", "Refund too large",
			"The refund is more than what is left of the payment.", []error{order.ErrRefundTooLarge}},
		{refundInFlight, http.StatusConflict, "refund_in_flight", "Refund in flight",
			"The refund is being sent, or its money is back: nothing can be decided about it.", []error{payment.ErrRefundInFlight}},
		{capacityTooSmall, http.StatusConflict, "capacity_too_small", "Capacity too small",
			"The capacity cannot go below the tickets that are reserved and sold.", []error{stock.ErrCapacityTooSmall}},
		{priceFixed, http.StatusConflict, "price_fixed", "Price fixed",
			"The price can be changed only until the first ticket is reserved.", []error{stock.ErrPriceFixed}},
		{notArchivable, http.StatusConflict, "not_archivable", "Not archivable yet", "It is too early.", []error{stock.ErrNotOver}},
		{screeningArchived, http.StatusConflict, "screening_archived", "Screening archived",
			"The screening is over and its orders are in the archive: restore it before it is changed.",
			[]error{stock.ErrArchived, order.ErrArchived}},
		{ticketUsed, http.StatusConflict, "ticket_used", "Ticket used", "The ticket has let somebody in before.", nil},
		{ticketVoid, http.StatusConflict, "ticket_void", "Ticket void",
			"The order of the ticket was cancelled, and its money goes back.", []error{tickets.ErrVoid}},
		{ticketInvalid, http.StatusConflict, "ticket_invalid", "Ticket invalid", "No ticket has this code.", []error{tickets.ErrCodeInvalid}},
		{wrongScreening, http.StatusConflict, "wrong_screening", "Wrong screening",
			"The ticket is for another screening.", []error{tickets.ErrWrongScreening}},
		{ticketEarly, http.StatusConflict, "ticket_early", "Too early",
			"The ticket is for a screening that begins on another day.", nil},
		{ticketOver, http.StatusConflict, "ticket_over", "Screening over", "The screening of the ticket is over.", nil},
		{orderArchived, http.StatusConflict, "order_archived", "Order archived",
			"The order is in none of the databases, and may be in a file of the archive: restore it to see the order.", nil},
		{notDead, http.StatusConflict, "notification_not_dead", "Not given up",
			"Only a mail or SMS that was given up can be sent again.", []error{notify.ErrNotDead}},
		{noRemedy, http.StatusConflict, "no_remedy", "No remedy",
			"For this only a person can do something: see its detail.", []error{doctor.ErrNoRemedy}},
	}
}

// requestProblems are those of a request and its caller, and of parts that are away.
func requestProblems() []problem {
	return []problem{
		{keyMissing, http.StatusBadRequest, "idempotency_key_missing", "Idempotency-Key missing",
			"Send an Idempotency-Key header, and the same one when you retry: it makes the retry the same order.", nil},
		{keyReused, http.StatusUnprocessableEntity, "idempotency_key_reused", "Idempotency-Key reused",
			"This Idempotency-Key was used for another request: of another screening, quantity or amount.",
			[]error{sale.ErrKeyReused, order.ErrRefundKeyUsed}},
		{malformed, http.StatusBadRequest, "invalid_request", "Malformed request", "The request cannot be read.",
			[]error{keyset.ErrCursorInvalid}},
		{invalid, http.StatusUnprocessableEntity, "invalid_request", "Invalid request",
			"A value in the request is not allowed.", []error{stock.ErrInvalid, order.ErrInvalidPayment}},
		{notFound, http.StatusNotFound, "not_found", "Not found", "There is nothing here that you may see.",
			[]error{stock.ErrScreeningNotFound, stock.ErrReservationAbsent, order.ErrOrderAbsent,
				order.ErrPaymentAbsent, payment.ErrRefundAbsent, payment.ErrUnknownProvider, inquiry.ErrOrderAbsent,
				doctor.ErrNoTrouble, notify.ErrAbsent}},
		{unauthorized, http.StatusUnauthorized, "unauthorized", "Not authenticated",
			"Sign in, or send a valid bearer token in the Authorization header.", []error{identity.ErrInvalid}},
		{forbidden, http.StatusForbidden, "forbidden", "Not allowed", "Your role may not do this.", nil},
		{otherSite, http.StatusForbidden, "other_site", "Another site's request",
			"Another site has made the browser send this, or the browser does not say which site has.", nil},
		{badSignature, http.StatusUnauthorized, "bad_signature", "Bad signature",
			"The callback is not signed by the payment provider, or its time is too far from now.", []error{payment.ErrForged}},
		{bodyTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "Body too large",
			"The request body is larger than this call accepts.", nil},
		{unsupportedMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type",
			"The body must be application/json in UTF-8, not compressed.", nil},
		{methodNotAllowed, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
			"See the Allow header for what this path understands.", nil},
		{rateLimited, http.StatusTooManyRequests, "rate_limited", "Too many requests",
			"You send faster, or have more streams open or sign-ins under way, than one buyer or address may. Wait as Retry-After says.",
			[]error{live.ErrTooMany, identity.ErrTooManySignIns}},
		{busy, http.StatusServiceUnavailable, "busy", "Busy",
			"More requests are in flight than can be taken. Nothing was done: send the same request again.",
			[]error{sale.ErrBusy, order.ErrBusy, tickets.ErrBusy, notify.ErrBusy, inquiry.ErrBusy, doctor.ErrBusy, live.ErrFull, live.ErrStopping}},
		{signInStale, http.StatusBadRequest, "sign_in_stale", "Not signed in",
			"This sign-in was not begun in this browser, or too long ago, or it is finished already. Nothing has changed.",
			[]error{identity.ErrSignInStale}},
		{signInRefused, http.StatusForbidden, "sign_in_refused", "Not signed in",
			"The identity provider did not sign you in: you have declined, or this account may not enter here.",
			[]error{identity.ErrSignInRefused}},
		{identityAway, http.StatusServiceUnavailable, "identity_provider_away", "Sign-in away",
			"The identity provider does not answer as it should. Try again in a moment.", []error{identity.ErrProviderAway}},
		{providerAway, http.StatusServiceUnavailable, "provider_away", "Payment provider away",
			"The payment provider does not answer. Nothing is lost: send the same request again.", []error{payment.ErrProviderAway}},
		{providerRefuses, http.StatusUnprocessableEntity, "provider_refuses", "Payment provider refuses",
			"The payment provider does not take this order.", []error{payment.ErrRefused, payment.ErrUnsupported}},
		{unavailable, http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable",
			"A part of the box office is away. Send the same request again.",
			[]error{stock.ErrUnavailable, order.ErrUnavailable, tickets.ErrUnavailable, notify.ErrUnavailable, inquiry.ErrClosed,
				doctor.ErrQueueAway, presence.ErrUnavailable, context.Canceled, context.DeadlineExceeded}},
	}
}

// retryAfterSeconds is the Retry-After of what may succeed soon: in about a second a queue drains or a broker is elected.
const retryAfterSeconds = "1"

// setHeaders sets what the answer to a problem says besides its body.
func (p *problem) setHeaders(header http.Header) {
	switch p.kind {
	case unauthorized:
		if header.Get(echo.HeaderWWWAuthenticate) == "" {
			header.Set(echo.HeaderWWWAuthenticate, `Bearer realm="boxoffice"`)
		}
	case badSignature: // RFC 9110 section 15.5.2: every 401 names what it asks for
		header.Set(echo.HeaderWWWAuthenticate, `Signature realm="boxoffice"`)
	case rateLimited, busy, unavailable, providerAway, identityAway:
		header.Set(echo.HeaderRetryAfter, retryAfterSeconds)
	}
}

// problemError is an error that this package itself raises. Without a detail it has the table's.
type problemError struct {
	kind   problemKind
	detail string
	said   sentence.Sentence // detail by its code, where a page can show it in another language
}

// telling is a problem whose detail pages can show in another language.
func telling(kind problemKind, said sentence.Sentence) problemError {
	return problemError{kind, said.String(), said}
}

// Error is for the log; a caller is answered with the problem.
func (e problemError) Error() string { return e.detail }

// problemTable finds the problem for an error. The bodies that are always the same are encoded once.
type problemTable struct {
	rows   [problemKinds]problem
	bodies [problemKinds][]byte // with the table's detail and without a trace id

	contentType []string // the header's value; all responses share it, so nobody may append to it
}

func newProblemTable() (*problemTable, error) {
	table := &problemTable{rows: problems(), contentType: []string{"application/problem+json"}}
	for i := range table.rows {
		body, err := table.rows[i].encode(table.rows[i].detail, "", problemMembers{})
		if err != nil {
			return nil, err
		}
		table.bodies[i] = body
	}
	return table, nil
}

// find returns the row for err, and the detail that err brings of its own or "".
func (t *problemTable) find(err error) (row *problem, detail string) {
	if own, ok := errors.AsType[problemError](err); ok {
		return &t.rows[own.kind], own.detail
	}
	if bad, ok := errors.AsType[payment.BadCallback](err); ok {
		kind := malformed
		if bad.Readable {
			kind = invalid
		}
		return &t.rows[kind], bad.Detail
	}
	if bad, ok := errors.AsType[payment.BadPart](err); ok {
		return &t.rows[invalid], bad.Detail
	}
	if _, ok := errors.AsType[tickets.UsedError](err); ok {
		return &t.rows[ticketUsed], ""
	}
	if archived, ok := errors.AsType[inquiry.ArchivedError](err); ok {
		return &t.rows[orderArchived], "The order may be in the archive: restore one of these files to see it: " + strings.Join(archived.Files, ", ")
	}
	if errors.Is(err, notify.ErrContactInvalid) {
		return &t.rows[invalid], inWords(err)
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
	return &t.rows[routerProblem(err)], ""
}

// inWords is what an error says, for people.
func inWords(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// routerProblem is the problem for an error that echo's router raises; any other error is internal.
func routerProblem(err error) problemKind {
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

// problemBody is the application/problem+json of RFC 9457.
type problemBody struct {
	Type    string `json:"type"` // a relative reference (section 3.1.1) to the page that explains every code
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	TraceID string `json:"trace_id,omitempty"`
	problemMembers
}

// problemMembers are the extension members that some problems have.
type problemMembers struct {
	UsedAt    string             `json:"used_at,omitempty"`
	UsedGate  string             `json:"used_gate,omitempty"`
	Screening *ticketPlace       `json:"screening,omitempty"`
	Said      *sentence.Sentence `json:"said,omitempty"`
}

// ticketPlace is what a ticket is for, which a door that refuses it says.
type ticketPlace struct {
	ID       string `json:"id"`
	Movie    string `json:"movie"`
	Venue    string `json:"venue"`
	StartsAt string `json:"starts_at"`
}

// elsewhereError refuses a ticket that is not for this door, or not for now, with what it is for.
type elsewhereError struct {
	error
	screening stock.Screening
}

func (e elsewhereError) Unwrap() error { return e.error }

func (p *problem) encode(detail, traceID string, members problemMembers) ([]byte, error) {
	return json.Marshal(problemBody{
		Type: "/problems#" + p.code, Title: p.title, Status: p.status, Detail: detail, Code: p.code, TraceID: traceID,
		problemMembers: members,
	})
}
