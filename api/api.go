// Package api is the HTTP side of the box office. Each handler checks who calls and what is asked, calls the services,
// and encodes the answer; SQL and the message queue are behind the services. openapi.yaml is its contract, and
// problems.go the one table of how each error is answered.
package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

// New returns the handler of the public listener. An error says which option cannot be used.
func New(opts Options) (http.Handler, error) {
	h, err := newHandler(opts)
	if err != nil {
		return nil, err
	}
	return h.routes()
}

// routes registers every route of the public listener, in the order of openapi.yaml.
func (h *handler) routes() (*echo.Echo, error) {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // not X-Forwarded-For, into which a client writes what it likes
	add := func(method, path string, handle echo.HandlerFunc) {
		e.Add(method, path, h.wrap(h.requests.route(method, path), handle))
	}

	add(http.MethodGet, "/v1/screenings", h.listScreenings)
	add(http.MethodGet, "/v1/screenings/:id", h.getScreening)
	add(http.MethodPost, "/v1/screenings", h.requireRole(roleAdmin, h.addScreening))
	add(http.MethodPatch, "/v1/screenings/:id", h.requireRole(roleAdmin, h.changeScreening))
	add(http.MethodPost, "/v1/screenings/:id/orders", h.requireRole(roleBuyer, h.purchase))
	add(http.MethodGet, "/v1/orders", h.requireRole(roleBuyer, h.listOrders))
	add(http.MethodGet, "/v1/orders/:id", h.requireRole(roleBuyer, h.getOrder))
	add(http.MethodPost, "/v1/orders/:id/cancel", h.requireRole(roleBuyer, h.cancelOrder))
	add(http.MethodGet, "/v1/orders/:id/refunds", h.requireRole(roleBuyer, h.listOrderRefunds))
	add(http.MethodPost, "/v1/orders/:id/payments", h.requireRole(roleBuyer, h.startPayment))
	add(http.MethodGet, "/v1/payments/providers", h.listProviders)
	add(http.MethodPost, CallbackPath, h.paymentCallback)
	add(http.MethodPost, CallbackPath+"/:provider", h.paymentCallback)
	h.addMoney(add)
	add(http.MethodGet, "/v1/me", h.requireCaller(anyRole, h.getMe))
	if err := h.addSignIn(add); err != nil {
		return nil, err
	}
	if h.Tickets != nil {
		h.addTickets(add)
	}
	if h.Notify != nil {
		h.addNotify(add)
	}
	h.addOperators(add)
	if h.Live != nil {
		add(http.MethodGet, "/v1/screenings/:id/events", h.streamScreening)
		add(http.MethodGet, "/v1/orders/:id/events", h.requireCaller(roleBuyer, h.streamOrder))
	}
	if h.Demo != nil {
		demo := newDemoHandler(h)
		add(http.MethodPost, "/v1/dev/tokens", demo.makeToken)
		add(http.MethodPost, "/v1/dev/payments", h.requireRole(roleBuyer, demo.simulatePayment))
	}
	pages, err := h.addPages(add)
	if err != nil {
		return nil, fmt.Errorf("read embedded pages: %w", err)
	}
	unmatched := h.requests.route("other", "unmatched")
	e.HTTPErrorHandler = func(err error, c echo.Context) { // only of the router: every handler's error is answered in wrap
		_ = h.wrap(unmatched, func(c echo.Context) error { return pages.unmatched(c, err) })(c)
	}
	return e, nil
}

// addMoney registers the operators' routes on money.
func (h *handler) addMoney(add func(method, path string, handle echo.HandlerFunc)) {
	add(http.MethodGet, "/v1/admin/ledger", h.requireRole(roleAdmin, h.getLedger))
	add(http.MethodGet, "/v1/admin/refunds", h.requireRole(roleAdmin, h.listRefunds))
	add(http.MethodPost, "/v1/admin/refunds/:id/retry", h.requireRole(roleAdmin, h.retryRefund))
	add(http.MethodPost, "/v1/admin/refunds/:id/settle", h.requireRole(roleAdmin, h.settleRefund))
	add(http.MethodGet, "/v1/admin/payments/reused", h.requireRole(roleAdmin, h.listReused))
	add(http.MethodPost, "/v1/admin/payments/reused/:id/settle", h.requireRole(roleAdmin, h.settleReused))
	add(http.MethodGet, "/v1/admin/payments/parked", h.requireRole(roleAdmin, h.listParked))
	add(http.MethodPost, "/v1/admin/payments/parked/:id/refund", h.requireRole(roleAdmin, h.refundParked))
	add(http.MethodPost, "/v1/admin/orders/:id/cancel", h.requireRole(roleAdmin, h.cancelPaid))
	add(http.MethodPost, "/v1/admin/orders/:id/refunds", h.requireRole(roleAdmin, h.refundPart))
}

// addTickets registers the routes of tickets, those of buyers and those of the staff at the doors.
func (h *handler) addTickets(add func(method, path string, handle echo.HandlerFunc)) {
	const staff = roleStaff | roleAdmin
	add(http.MethodGet, "/v1/orders/:id/tickets", h.requireRole(roleBuyer, h.listOrderTickets))
	add(http.MethodGet, "/v1/tickets/key", h.getTicketKeys)
	add(http.MethodPost, "/v1/checkins", h.requireRole(staff, h.checkIn))
	add(http.MethodGet, "/v1/screenings/:id/checkins", h.requireRole(staff, h.countCheckIns))
	add(http.MethodGet, "/v1/screenings/:id/tickets", h.requireRole(staff, h.listScreeningTickets))
}

// addNotify registers the routes of mail and SMS: those of buyers, those of operators, and in a demo those of its mailbox.
func (h *handler) addNotify(add func(method, path string, handle echo.HandlerFunc)) {
	add(http.MethodGet, "/v1/contact", h.requireCaller(roleBuyer, h.getContact))
	add(http.MethodPut, "/v1/contact", h.requireCaller(roleBuyer, h.setContact))
	add(http.MethodDelete, "/v1/contact", h.requireCaller(roleBuyer, h.deleteContact))
	add(http.MethodGet, "/v1/admin/notifications", h.requireRole(roleAdmin, h.listNotifications))
	add(http.MethodPost, "/v1/admin/notifications/:id/retry", h.requireRole(roleAdmin, h.retryNotification))
	add(http.MethodGet, "/v1/admin/orders/:id/notifications", h.requireRole(roleAdmin, h.listOrderNotifications))
	if h.Demo != nil {
		add(http.MethodGet, "/v1/dev/messages", h.requireRole(roleBuyer, h.listMessages))
		add(http.MethodGet, "/v1/dev/messages/:id", h.requireRole(roleBuyer, h.getMessage))
	}
}

// addOperators registers the operators' routes: on screenings and on everything they have done, and where the process has what
// is behind them, those on orders, troubles and processes.
func (h *handler) addOperators(add func(method, path string, handle echo.HandlerFunc)) {
	add(http.MethodGet, "/v1/admin/screenings/:id", h.requireRole(roleAdmin, h.getOperated))
	add(http.MethodGet, "/v1/admin/screenings/:id/sales", h.requireRole(roleAdmin, h.getSales))
	add(http.MethodPost, "/v1/admin/screenings/:id/cancel", h.requireRole(roleAdmin, h.cancelScreening))
	add(http.MethodPost, "/v1/admin/screenings/:id/archive", h.requireRole(roleAdmin, h.archiveScreening))
	add(http.MethodGet, "/v1/admin/acts", h.requireRole(roleAdmin, h.listActs))
	if h.Operators == nil {
		return
	}
	add(http.MethodGet, "/v1/admin/orders", h.requireRole(roleAdmin, h.listAllOrders))
	add(http.MethodGet, "/v1/admin/orders.csv", h.requireRole(roleAdmin, h.exportOrders))
	add(http.MethodGet, "/v1/admin/orders/:id", h.requireRole(roleAdmin, h.getAnyOrder))
	add(http.MethodGet, "/v1/admin/orders/:id/timeline", h.requireRole(roleAdmin, h.getTimeline))
	add(http.MethodGet, "/v1/admin/findings", h.requireRole(roleAdmin, h.listFindings))
	add(http.MethodPost, "/v1/admin/findings/fix", h.requireRole(roleAdmin, h.fixFindings))
	add(http.MethodGet, "/v1/admin/dead-letters", h.requireRole(roleAdmin, h.listDeadLetters))
	add(http.MethodPost, "/v1/admin/dead-letters/resend", h.requireRole(roleAdmin, h.resendDeadLetters))
	add(http.MethodGet, "/v1/admin/queues", h.requireRole(roleAdmin, h.listQueues))
	add(http.MethodGet, "/v1/admin/processes", h.requireRole(roleAdmin, h.listProcesses))
}

// wrap puts around a handler what every route needs: headers, the answer to an error, metrics and the log. It is one
// function instead of a chain of echo middleware, for which echo makes closures on every request.
func (h *handler) wrap(metrics *routeMetrics, handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := h.Wall()
		span := beginSpan(h.Tracer, c)
		h.headers.set(c)
		err := h.call(handle, c)
		if err != nil {
			h.answerProblem(c, err)
		}
		elapsed := h.Wall().Sub(start)
		metrics.observe(c.Response().Status, elapsed)
		endSpan(span, c, err)
		h.logRequest(c, elapsed, err)
		return nil
	}
}

// call calls a handler within the limits of its client's address and of the requests in flight. It turns a panic into an
// error: one bad request must not end the process with everybody else's.
func (h *handler) call(handle echo.HandlerFunc, c echo.Context) (err error) {
	if !h.addressRates.off() && !h.isProviderCallback(c) && !h.addressRates.allow(clientNetwork(c.RealIP()), h.Wall()) {
		return problemError{kind: rateLimited}
	}
	defer func() {
		h.inFlight.Add(-1)
		if cause := recover(); cause != nil {
			err = panicError(cause)
		}
	}()
	if h.inFlight.Add(1) > int64(h.MaxInFlight) {
		return problemError{kind: busy}
	}
	return handle(c)
}
