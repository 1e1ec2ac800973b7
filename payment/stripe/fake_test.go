package stripe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	testKey    = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
	testOffice = "fakeoffice"
)

// fake is Stripe's API as documented, as far as a provider calls it: Checkout Sessions and refunds that keep their
// state, idempotency keys whose first answer is repeated, and which are refused with other parameters.
type fake struct {
	mu       sync.Mutex
	sessions []*session
	refunds  []*refund
	answers  map[string]savedAnswer
	calls    []call

	refundStatus string                                            // of refunds to come
	instead      func(w http.ResponseWriter, r *http.Request) bool // answers a call instead, without doing it
	failing      int                                               // calls with an idempotency key to come that fail; the key keeps that
	loseAnswer   bool                                              // cuts the connection after each call is done
}

type call struct {
	path, idempotencyKey string
	form                 url.Values
}

type savedAnswer struct {
	fingerprint string
	status      int
	body        []byte
}

type session struct {
	id, status, paymentStatus, currency, reference string
	amount                                         int64
	metadata                                       map[string]string
	intent                                         *intent
}

type intent struct {
	id, status string
	metadata   map[string]string
}

type refund struct {
	id, intent, status, reason, currency string
	amount                               int64
	metadata                             map[string]string
}

// refusal is an error answer.
type refusal struct {
	status              int
	kind, code, message string
	validation          bool // found before the call is executed, and so not saved with the idempotency key
}

// newFake starts a fake that is closed with the test.
func newFake(t *testing.T) (*fake, string) {
	t.Helper()
	f := &fake{answers: map[string]savedAnswer{}, refundStatus: "succeeded"}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	if r.Method == http.MethodGet {
		form = r.URL.Query()
	}
	key := r.Header.Get("Idempotency-Key")
	f.calls = append(f.calls, call{r.Method + " " + r.URL.Path, key, form})
	if f.instead != nil && f.instead(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		write(w, http.StatusUnauthorized, errorBody(refusal{
			kind: "invalid_request_error", message: "Invalid API Key provided: " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
		}))
		return
	}
	fingerprint := r.Method + " " + r.URL.Path + "?" + form.Encode()
	saved, isSaved := f.answers[key]
	switch {
	case key != "" && isSaved && saved.fingerprint != fingerprint:
		write(w, http.StatusBadRequest, errorBody(refusal{kind: "idempotency_error", message: "Keys for idempotent requests can only be used " +
			"with the same parameters they were first used with."}))
		return
	case key != "" && isSaved:
		w.Header().Set("Idempotent-Replayed", "true")
	default:
		var keep bool
		if key != "" && f.failing > 0 {
			f.failing--
			saved.status, keep = http.StatusInternalServerError, true
			saved.body = errorBody(refusal{kind: "api_error", message: "something went wrong"})
		} else {
			saved.status, saved.body, keep = f.answer(r.Method+" "+r.URL.Path, form)
		}
		if key != "" && keep {
			f.answers[key] = savedAnswer{fingerprint, saved.status, saved.body}
		}
	}
	if f.loseAnswer {
		panic(http.ErrAbortHandler) // the way of net/http to cut a connection
	}
	write(w, saved.status, saved.body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_1")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func errorBody(r refusal) []byte {
	detail := map[string]any{"type": r.kind, "message": r.message}
	if r.code != "" {
		detail["code"] = r.code
	}
	body, _ := json.Marshal(map[string]any{"error": detail})
	return body
}

// answer does a call.
func (f *fake) answer(path string, form url.Values) (status int, body []byte, keep bool) {
	var object map[string]any
	var refused *refusal
	id, rest, _ := strings.Cut(strings.TrimPrefix(path[strings.Index(path, "/"):], "/v1/checkout/sessions/"), "/")
	switch {
	case path == "POST /v1/checkout/sessions":
		object, refused = f.createSession(form)
	case strings.HasPrefix(path, "GET /v1/checkout/sessions/"):
		object, refused = f.getSession(id, form)
	case strings.HasPrefix(path, "POST /v1/checkout/sessions/") && rest == "expire":
		object, refused = f.expireSession(id)
	case path == "GET /v1/payment_intents/search":
		object, refused = f.searchIntents(form)
	case path == "POST /v1/refunds":
		object, refused = f.createRefund(form)
	case path == "GET /v1/refunds":
		object, refused = f.listRefunds(form)
	case strings.HasPrefix(path, "GET /v1/refunds/"):
		object, refused = f.getRefund(strings.TrimPrefix(path, "GET /v1/refunds/"))
	default:
		refused = &refusal{status: 404, kind: "invalid_request_error", message: "Unrecognized request URL", validation: true}
	}
	if refused != nil {
		return refused.status, errorBody(*refused), !refused.validation
	}
	body, _ = json.Marshal(object)
	return http.StatusOK, body, true
}

func missing(what, id string) *refusal {
	return &refusal{status: 404, kind: "invalid_request_error", code: "resource_missing", message: "No such " + what + ": '" + id + "'"}
}

func invalid(code, message string) *refusal {
	return &refusal{status: 400, kind: "invalid_request_error", code: code, message: message, validation: true}
}

func metadataOf(form url.Values, prefix string) map[string]string {
	found := map[string]string{}
	for name := range form {
		if inner, ok := strings.CutPrefix(name, prefix+"["); ok {
			found[strings.TrimSuffix(inner, "]")] = form.Get(name)
		}
	}
	return found
}

func (f *fake) createSession(form url.Values) (map[string]any, *refusal) {
	const item = "line_items[0][price_data]"
	for _, name := range []string{
		"mode", "success_url", "line_items[0][quantity]", item + "[currency]", item + "[unit_amount]", item + "[product_data][name]",
	} {
		if form.Get(name) == "" {
			return nil, invalid("parameter_missing", "Missing required param: "+name+".")
		}
	}
	for name := range form {
		if !slices.Contains([]string{
			"mode", "success_url", "cancel_url", "client_reference_id", "line_items[0][quantity]", "adaptive_pricing[enabled]",
			item + "[currency]", item + "[unit_amount]", item + "[product_data][name]", "metadata[attempt_id]", "metadata[order_id]",
			"metadata[office]",
			"payment_intent_data[metadata][attempt_id]", "payment_intent_data[metadata][order_id]", "payment_intent_data[metadata][office]",
		}, name) {
			return nil, invalid("parameter_unknown", "Received unknown parameter: "+name)
		}
	}
	amount, err := strconv.ParseInt(form.Get(item+"[unit_amount]"), 10, 64)
	currency := form.Get(item + "[currency]")
	switch {
	case err != nil:
		return nil, invalid("parameter_invalid_integer", "Invalid integer: unit_amount")
	case currency != strings.ToLower(currency):
		return nil, invalid("", "Invalid currency: "+currency)
	case amount > 99999999:
		return nil, invalid("amount_too_large", "Amount must be no more than 99999999")
	case slices.Contains([]string{"isk", "ugx"}, currency) && amount%100 != 0:
		return nil, invalid("invalid_charge_amount_no_decimal_compatible", "charged amounts must be evenly divisible by 100")
	case slices.Contains([]string{"bhd", "jod", "kwd", "omr", "tnd"}, currency) && amount%10 != 0:
		return nil, invalid("", "the last digit must be 0")
	}
	s := &session{
		id: fmt.Sprintf("cs_test_%d", len(f.sessions)+1), status: "open", paymentStatus: "unpaid", currency: currency, amount: amount,
		reference: form.Get("client_reference_id"), metadata: metadataOf(form, "metadata"),
		intent: &intent{id: fmt.Sprintf("pi_%d", len(f.sessions)+1), metadata: metadataOf(form, "payment_intent_data[metadata]")},
	}
	f.sessions = append(f.sessions, s)
	return s.object(false), nil
}

func (s *session) object(expand bool) map[string]any {
	o := map[string]any{
		"id": s.id, "object": "checkout.session", "mode": "payment", "status": s.status, "payment_status": s.paymentStatus,
		"amount_total": s.amount, "amount_subtotal": s.amount, "currency": s.currency, "client_reference_id": s.reference,
		"metadata": s.metadata, "livemode": false, "url": nil, "payment_intent": nil, "expires_at": 1795100000,
	}
	if s.status == "open" {
		o["url"] = "https://checkout.stripe.com/c/pay/" + s.id
	}
	switch {
	case s.intent.status != "" && expand: // it is made when the payer confirms
		o["payment_intent"] = map[string]any{
			"id": s.intent.id, "object": "payment_intent", "status": s.intent.status, "metadata": s.intent.metadata,
			"amount": s.amount, "currency": s.currency,
		}
	case s.intent.status != "":
		o["payment_intent"] = s.intent.id
	}
	return o
}

// searchIntents knows one kind of query.
func (f *fake) searchIntents(form url.Values) (map[string]any, *refusal) {
	id, isOfAttempt := strings.CutPrefix(form.Get("query"), `metadata["attempt_id"]:"`)
	id, isSucceeded := strings.CutSuffix(id, `" AND status:"succeeded"`)
	if !isOfAttempt || !isSucceeded {
		return nil, invalid("", "We were unable to parse your search query.")
	}
	data := []any{}
	for _, s := range f.sessions {
		if s.intent.status == "succeeded" && s.intent.metadata["attempt_id"] == id {
			data = append(data, map[string]any{
				"id": s.intent.id, "object": "payment_intent", "status": s.intent.status, "metadata": s.intent.metadata,
				"amount": s.amount, "amount_received": s.amount, "currency": s.currency,
			})
		}
	}
	return map[string]any{"object": "search_result", "url": "/v1/payment_intents/search", "has_more": false, "data": data}, nil
}

func (f *fake) find(id string) *session {
	for _, s := range f.sessions {
		if s.id == id || s.intent.id == id {
			return s
		}
	}
	return nil
}

func (f *fake) getSession(id string, form url.Values) (map[string]any, *refusal) {
	s := f.find(id)
	if s == nil {
		return nil, missing("checkout.session", id)
	}
	return s.object(form.Get("expand[0]") == "payment_intent"), nil
}

func (f *fake) expireSession(id string) (map[string]any, *refusal) {
	s := f.find(id)
	switch {
	case s == nil:
		return nil, missing("checkout.session", id)
	case s.status != "open":
		return nil, &refusal{status: 400, kind: "invalid_request_error", message: `Only Checkout Sessions with a status in ["open"] can be ` +
			"expired. This Checkout Session has a status of `" + s.status + "`."}
	}
	s.status = "expired"
	return s.object(false), nil
}

func (f *fake) createRefund(form url.Values) (map[string]any, *refusal) {
	s := f.find(form.Get("payment_intent"))
	if s == nil {
		return nil, missing("payment_intent", form.Get("payment_intent"))
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	left := s.amount
	for _, r := range f.refunds {
		if r.intent == s.intent.id && r.status != "failed" && r.status != "canceled" {
			left -= r.amount
		}
	}
	switch {
	case err != nil || amount < 1:
		return nil, invalid("parameter_invalid_integer", "Invalid positive integer")
	case left == 0:
		return nil, &refusal{status: 400, kind: "invalid_request_error", code: "charge_already_refunded", message: "has already been refunded."}
	case amount > left:
		return nil, &refusal{status: 400, kind: "invalid_request_error", message: "Refund amount is greater than unrefunded amount on charge"}
	}
	r := &refund{
		id: fmt.Sprintf("re_%d", len(f.refunds)+1), intent: s.intent.id, status: f.refundStatus, amount: amount, currency: s.currency,
		metadata: metadataOf(form, "metadata"),
	}
	f.refunds = append(f.refunds, r)
	return r.object(), nil
}

func (r *refund) object() map[string]any {
	o := map[string]any{
		"id": r.id, "object": "refund", "amount": r.amount, "currency": r.currency, "status": r.status, "payment_intent": r.intent,
		"metadata": r.metadata, "charge": "ch_1", "reason": nil,
	}
	if r.reason != "" {
		o["failure_reason"] = r.reason
	}
	return o
}

func (f *fake) getRefund(id string) (map[string]any, *refusal) {
	for _, r := range f.refunds {
		if r.id == id {
			return r.object(), nil
		}
	}
	return nil, missing("refund", id)
}

// listRefunds lists the refunds of a payment, the newest first.
func (f *fake) listRefunds(form url.Values) (map[string]any, *refusal) {
	if f.find(form.Get("payment_intent")) == nil {
		return nil, missing("payment_intent", form.Get("payment_intent"))
	}
	limit, _ := strconv.Atoi(form.Get("limit"))
	data, started := []any{}, form.Get("starting_after") == ""
	more := false
	for _, r := range slices.Backward(f.refunds) {
		switch {
		case r.intent != form.Get("payment_intent"):
		case !started:
			started = r.id == form.Get("starting_after")
		case len(data) == limit:
			more = true
		default:
			data = append(data, r.object())
		}
	}
	return map[string]any{"object": "list", "url": "/v1/refunds", "has_more": more, "data": data}, nil
}
