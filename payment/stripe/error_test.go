package stripe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/stripe"
)

// Only an answer that is the same next time, and after which nothing was done, is a refusal.
func TestWhichAnswersRefuse(t *testing.T) {
	invalid := `{"error":{"type":"invalid_request_error","code":"parameter_invalid_empty","message":"no","param":"amount"}}`
	again := http.Header{"Stripe-Should-Retry": {"true"}}
	for name, test := range map[string]struct {
		status  int
		header  http.Header
		body    string
		refused bool
	}{
		"invalid parameter":    {400, nil, invalid, true},
		"card":                 {402, nil, `{"error":{"type":"card_error","code":"card_declined","message":"no"}}`, true},
		"missing":              {404, nil, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"no"}}`, true},
		"key not valid":        {401, nil, invalid, false},
		"key may not":          {403, nil, invalid, false},
		"conflict":             {409, nil, invalid, false},
		"key in use":           {400, nil, `{"error":{"type":"invalid_request_error","code":"idempotency_key_in_use","message":"no"}}`, false},
		"lock timeout":         {400, nil, `{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"no"}}`, false},
		"key of another call":  {400, nil, `{"error":{"type":"idempotency_error","message":"no"}}`, false},
		"too many":             {429, nil, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"no"}}`, false},
		"dependency":           {424, nil, invalid, false},
		"asked to retry":       {400, again, invalid, false},
		"api error":            {400, nil, `{"error":{"type":"api_error","message":"no"}}`, false},
		"no type":              {400, nil, `{"error":{"message":"no"}}`, false},
		"of a proxy":           {400, nil, `<html>Bad Request</html>`, false},
		"of another service":   {404, nil, `{"status":"not found"}`, false},
		"empty":                {400, nil, ``, false},
		"500":                  {500, nil, invalid, false},
		"503":                  {503, nil, `{"error":{"type":"api_error","message":"no"}}`, false},
		"redirect":             {302, http.Header{"Location": {"/v1/elsewhere"}}, ``, false},
		"garbage":              {200, nil, `{"id":`, false},
		"too long":             {200, nil, `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, false},
		"too long for refusal": {400, nil, strings.Replace(invalid, "no", strings.Repeat("x", 1<<20), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newProvider(t)
			_, s := startPaid(t, p, f, 9800, "CNY")
			r := newRefund(s, "rf_1", 9800, 9800, "CNY")
			f.answerWith("POST /v1/", test.status, test.header, test.body)
			_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
			wantError(t, err, test.refused)
			_, err = p.Refund(t.Context(), r)
			wantError(t, err, test.refused)
			f.answerWith("GET /v1/", test.status, test.header, test.body)
			_, err = p.Refund(t.Context(), r)
			wantError(t, err, test.refused)
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if n := f.countCalls("POST /v1/checkout/sessions"); n != 2 {
				t.Errorf("the library called %d times, want the first start and one more", n)
			}
		})
	}
}

// No error tells the API key, even when the answer does, nor the secrets of a payment that an answer quotes.
func TestErrorsTellNoSecret(t *testing.T) {
	p, f := newProvider(t)
	body := `{"error":{"type":"invalid_request_error","code":"` + testKey + `","param":"` + testKey + `","message":"key ` + testKey +
		strings.Repeat("x", 263) + testKey + `","payment_intent":{"id":"pi_1","client_secret":"pi_1_secret_2"}}}`
	for _, status := range []int{400, 401, 500} {
		f.answerWith("POST ", status, nil, body)
		_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
		wantError(t, err, status == 400)
		if strings.Contains(err.Error(), "pi_1_secret_2") || strings.Contains(err.Error(), testKey[:16]) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
	f.answerWith("POST ", 200, nil, `{"client_secret":"pi_1_secret_2"`)
	_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
	wantError(t, err, false)
	if strings.Contains(err.Error(), "pi_1_secret_2") {
		t.Errorf("the error tells a secret: %v", err)
	}
}

// A key that Stripe does not take is an error that can be gone after a person has corrected it.
func TestWrongKey(t *testing.T) {
	_, url := newFake(t)
	p := providerOf(t, stripe.Options{Office: testOffice, APIKey: "sk_test_wrong", WebhookSecrets: []string{testSecret}, URL: url})
	_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
	wantError(t, err, false)
	if strings.Contains(err.Error(), "sk_test_wrong") || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
}

// A call ends with its context, whatever Stripe does, and is then unclear.
func TestCallsEndWithTheirContext(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case arrived <- struct{}{}:
		case <-r.Context().Done():
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	p := providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, URL: server.URL})
	a := newAttempt(9800, "CNY")
	a.Reference = "cs_test_1"
	r := payment.Refund{Key: "rf_1", PaymentID: "pi_1", Amount: a.Amount, Total: a.Amount, Reference: "re_1"}
	for name, call := range map[string]func(context.Context) error{
		"start":        func(ctx context.Context) error { _, err := p.Start(ctx, a); return err },
		"query":        func(ctx context.Context) error { _, err := p.Query(ctx, a); return err },
		"close":        func(ctx context.Context) error { _, err := p.Close(ctx, a); return err },
		"refund":       func(ctx context.Context) error { _, err := p.Refund(ctx, r); return err },
		"query refund": func(ctx context.Context) error { _, err := p.QueryRefund(ctx, r); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- call(ctx) }()
		<-arrived
		cancel()
		err := <-done
		wantError(t, err, false)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := p.Start(ctx, a)
	wantError(t, err, false)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Nobody there is unclear, too.
func TestNoConnection(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, URL: server.URL})
	_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
	wantError(t, err, false)
}

// The library writes to the process's standard error unless it is told not to.
func TestTheLibraryLogsNothing(t *testing.T) {
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, stdout := os.Stderr, os.Stdout
	os.Stderr, os.Stdout = written, written
	p, f := newProvider(t)
	f.answerWith("POST ", 500, nil, `<html>`)
	_, callErr := p.Start(t.Context(), newAttempt(9800, "CNY"))
	os.Stderr, os.Stdout = stderr, stdout
	_ = written.Close()
	wantError(t, callErr, false)
	if text, _ := io.ReadAll(read); len(text) > 0 {
		t.Errorf("it wrote %q", text)
	}
}
