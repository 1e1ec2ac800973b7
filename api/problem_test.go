package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"boxoffice/common/keyset"
	"boxoffice/doctor"
	"boxoffice/identity"
	"boxoffice/inquiry"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/presence"
	"boxoffice/sale"
	"boxoffice/stock"
)

// wantProblem checks status, form and code of a refusal, and returns its detail.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) string {
	t.Helper()
	var got struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("answered %d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.Status != status || got.Code != code || got.Type != "/problems#"+code ||
		got.Title == "" || got.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answered %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	if wait := w.Header().Get("Retry-After"); (wait != "") != (status == 429 || status == 503) {
		t.Errorf("%d with Retry-After %q", status, wait)
	}
	return got.Detail
}

// domainErrors is every exported error of the services, and what a caller is told.
func domainErrors() map[string]struct {
	err    error
	status int
	code   string
} {
	return map[string]struct {
		err    error
		status int
		code   string
	}{
		"stock.ErrScreeningNotFound": {stock.ErrScreeningNotFound, 404, "not_found"},
		"stock.ErrSoldOut":           {stock.ErrSoldOut, 409, "sold_out"},
		"stock.ErrLimitExceeded":     {stock.ErrLimitExceeded, 409, "limit_exceeded"},
		"stock.ErrSaleNotOpen":       {stock.ErrSaleNotOpen, 409, "sale_not_open"},
		"stock.ErrSaleClosed":        {stock.ErrSaleClosed, 409, "sale_closed"},
		"stock.ErrSalePaused":        {stock.ErrSalePaused, 409, "sale_paused"},
		"stock.ErrCancelled":         {stock.ErrCancelled, 409, "screening_cancelled"},
		"stock.ErrPriceFixed":        {stock.ErrPriceFixed, 409, "price_fixed"},
		"stock.ErrNotOver":           {stock.ErrNotOver, 409, "not_archivable"},
		"sale.ErrKeyReused":          {sale.ErrKeyReused, 422, "idempotency_key_reused"},
		"sale.ErrBusy":               {sale.ErrBusy, 503, "busy"},
		"stock.ErrUnavailable":       {stock.ErrUnavailable, 503, "unavailable"},
		"stock.ErrCapacityTooSmall":  {stock.ErrCapacityTooSmall, 409, "capacity_too_small"},
		"stock.ErrArchived":          {stock.ErrArchived, 409, "screening_archived"},
		"stock.ErrReservationAbsent": {stock.ErrReservationAbsent, 404, "not_found"},
		"order.ErrOrderAbsent":       {order.ErrOrderAbsent, 404, "not_found"},
		"order.ErrNotPayable":        {order.ErrNotPayable, 409, "not_payable"},
		"order.ErrNotPaid":           {order.ErrNotPaid, 409, "not_paid"},
		"order.ErrPaymentAbsent":     {order.ErrPaymentAbsent, 404, "not_found"},
		"order.ErrRefundKeyUsed":     {order.ErrRefundKeyUsed, 422, "idempotency_key_reused"},
		"order.ErrArchived":          {order.ErrArchived, 409, "screening_archived"},
		"order.ErrRefundTooLarge":    {order.ErrRefundTooLarge, 409, "refund_too_large"},
		"payment.ErrUnknownProvider": {payment.ErrUnknownProvider, 404, "not_found"},
		"payment.ErrProviderAway":    {fmt.Errorf("%w: %w", payment.ErrProviderAway, context.DeadlineExceeded), 503, "provider_away"},
		"payment.ErrRefundAbsent":    {payment.ErrRefundAbsent, 404, "not_found"},
		"payment.ErrRefundInFlight":  {payment.ErrRefundInFlight, 409, "refund_in_flight"},
		"payment.ErrForged":          {payment.ErrForged, 401, "bad_signature"},
		"payment.ErrRefused":         {payment.ErrRefused, 422, "provider_refuses"},
		"payment.ErrUnsupported":     {payment.ErrUnsupported, 422, "provider_refuses"},
		"stock.ErrInvalid":           {stock.ErrInvalid, 422, "invalid_request"},
		"order.ErrAlreadyPaid":       {order.ErrAlreadyPaid, 409, "already_paid"},
		"order.ErrInvalidPayment":    {order.ErrInvalidPayment, 422, "invalid_request"},
		"order.ErrBusy":              {order.ErrBusy, 503, "busy"},
		"order.ErrUnavailable":       {order.ErrUnavailable, 503, "unavailable"},
		"keyset.ErrCursorInvalid":    {keyset.ErrCursorInvalid, 400, "invalid_request"},
		"inquiry.ErrOrderAbsent":     {inquiry.ErrOrderAbsent, 404, "not_found"},
		"inquiry.ErrBusy":            {inquiry.ErrBusy, 503, "busy"},
		"inquiry.ErrClosed":          {inquiry.ErrClosed, 503, "unavailable"},
		"inquiry.ArchivedError":      {inquiry.ArchivedError{}, 409, "order_archived"},
		"doctor.ErrBusy":             {doctor.ErrBusy, 503, "busy"},
		"doctor.ErrQueueAway":        {doctor.ErrQueueAway, 503, "unavailable"},
		"doctor.ErrNoRemedy":         {doctor.ErrNoRemedy, 409, "no_remedy"},
		"doctor.ErrNoTrouble":        {doctor.ErrNoTrouble, 404, "not_found"},
		"presence.ErrUnavailable":    {presence.ErrUnavailable, 503, "unavailable"},
		"identity.ErrInvalid":        {identity.ErrInvalid, 401, "unauthorized"},
		"identity.ErrSignInStale":    {identity.ErrSignInStale, 400, "sign_in_stale"},
		"identity.ErrSignInRefused":  {identity.ErrSignInRefused, 403, "sign_in_refused"},
		"identity.ErrTooManySignIns": {identity.ErrTooManySignIns, 429, "rate_limited"},
		"identity.ErrProviderAway":   {identity.ErrProviderAway, 503, "identity_provider_away"},
	}
}

// otherErrors are for callers beside the API: the archive, the sale's local transaction, the handler of order-settled, and who
// signs a token, in the demo of which each has words of its own.
func otherErrors() []string {
	return []string{"stock.ErrNotArchived", "stock.ErrArchiveTaken", "stock.ErrBusy", "order.ErrFenced", "payment.ErrUnknownRefund",
		"payment.ErrNothingFound",
		"identity.ErrInvalidSubject", "identity.ErrInvalidRole"}
}

// An error that the services gain without a line in the table would reach buyers as 500.
func TestEveryDomainErrorHasALine(t *testing.T) {
	known := domainErrors()
	for _, service := range []string{"sale", "stock", "order", "payment", "identity", "inquiry", "doctor", "presence"} {
		for _, name := range exportedErrors(t, "../"+service) {
			if _, there := known[service+"."+name]; !there && !slices.Contains(otherErrors(), service+"."+name) {
				t.Errorf("%s.%s has no line in the table of problems, or none in this test", service, name)
			}
		}
	}
	for name, want := range known {
		f := newFixture(t)
		f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
			return stock.Reservation{}, fmt.Errorf("purchase: %w", want.err)
		}
		t.Run(name, func(t *testing.T) { wantProblem(t, f.send(t, buy(t)), want.status, want.code) })
	}
}

func exportedErrors(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			group, ok := declared.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s exports no error", folder)
	}
	return names
}

// A cause belongs to the operators: the log has it once, with the trace id that the caller was given, and the answer
// has nothing of it.
func TestInternalErrorIsLoggedOnceAndNotShown(t *testing.T) {
	f := newFixture(t)
	f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
		return stock.Reservation{}, errors.New("dial tcp 10.1.2.3: password=hunter2")
	}
	a := buy(t)
	a.header["Traceparent"] = []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	w := f.send(t, a)
	wantProblem(t, w, http.StatusInternalServerError, "internal")
	if strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("the answer shows the cause: %s", w.Body)
	}
	if !strings.Contains(w.Body.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("the answer lacks the trace id: %s", w.Body)
	}
	log := f.log.String()
	if strings.Count(log, "hunter2") != 1 || !strings.Contains(log, "4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Errorf("log: %s", log)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.MaxInFlight = 1 })
	f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
		var none *stock.Reservation
		return *none, nil
	}
	for range 3 { // a slot that a panic kept would make the second one busy
		wantProblem(t, f.send(t, buy(t)), http.StatusInternalServerError, "internal")
	}
	if log := f.log.String(); !strings.Contains(log, "nil pointer") || !strings.Contains(log, "purchase.go") {
		t.Errorf("the log does not say where: %s", log)
	}
}

// Under load most answers are refusals. A line for each would be load of our own making.
func TestRefusalsAreNotLogged(t *testing.T) {
	f := newFixture(t)
	for _, err := range []error{stock.ErrSoldOut, sale.ErrBusy, stock.ErrLimitExceeded} {
		f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
			return stock.Reservation{}, err
		}
		f.send(t, buy(t))
	}
	if log := f.log.String(); log != "" {
		t.Errorf("logged %s", log)
	}
}

func TestRoutersOwnRefusals(t *testing.T) {
	f := newFixture(t)
	wantProblem(t, f.send(t, ask{method: "GET", path: "/v2/anything"}), 404, "not_found")
	w := f.send(t, ask{method: "DELETE", path: "/v1/orders/" + orderID})
	wantProblem(t, w, 405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); !strings.Contains(allow, "GET") {
		t.Errorf("Allow is %q", allow)
	}
}

func TestNoRoomIsBusy(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.MaxInFlight = 1 })
	var inner *httptest.ResponseRecorder
	f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
		inner = f.send(t, ask{method: "GET", path: "/v1/screenings"})
		return stock.Reservation{Order: testOrder(), State: stock.Held}, nil
	}
	if w := f.send(t, buy(t)); w.Code != http.StatusAccepted {
		t.Errorf("answered %d", w.Code)
	}
	wantProblem(t, inner, http.StatusServiceUnavailable, "busy")
	if w := f.send(t, ask{method: "GET", path: "/v1/screenings"}); w.Code != http.StatusOK {
		t.Errorf("answered %d after there was room again", w.Code)
	}
}

// A buyer who closed the page in the middle of a request was logged as a database that is away, and an operator went to
// look for it. A failure that nobody's going away explains is still a warning.
func TestCallerWhoHasGoneIsNoWarning(t *testing.T) {
	f := newFixture(t)
	f.stock.reservation = func(string, string) (stock.Reservation, error) {
		return stock.Reservation{}, fmt.Errorf("%w: read reservation: %w", stock.ErrUnavailable, context.Canceled)
	}
	for _, gone := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if gone {
			cancel()
		}
		r := httptest.NewRequestWithContext(ctx, "GET", "/v1/orders/"+orderID, nil)
		r.Header.Set("Authorization", "Bearer "+tokenFor(t, "alice", roleBuyer))
		f.handler.ServeHTTP(httptest.NewRecorder(), r)
		if log := f.log.String(); gone != (log == "") {
			t.Errorf("caller gone %v: logged %q", gone, log)
		}
	}
}
