package stripe_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/stripe"
)

const (
	stripeMock      = "github.com/stripe/stripe-mock@v0.203.0"
	stripeMockVar   = "BOXOFFICE_TEST_STRIPE_MOCK" // the path of the program, where it is built already
	stripeMockBuild = 2 * time.Minute
)

// newStripeMock starts Stripe's own mock server, which checks each request against the description of the API, and
// returns its URL. Where the program is neither given nor can be built, as without a network, it skips the test, and fails it
// where CI is true.
func newStripeMock(t *testing.T) string {
	t.Helper()
	program := os.Getenv(stripeMockVar)
	if program == "" {
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), stripeMockBuild)
		defer cancel()
		build := exec.CommandContext(ctx, "go", "install", stripeMock)
		build.Dir, build.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
		if output, err := build.CombinedOutput(); err != nil {
			fail := t.Skipf
			if os.Getenv("CI") == "true" { // where it must not be passed over in silence
				fail = t.Fatalf
			}
			fail("stripe-mock is not in %s and cannot be built with go install %s: %v\n%s", stripeMockVar, stripeMock, err, output)
		}
		program = filepath.Join(dir, "stripe-mock")
	}
	// Its port is one that it chooses, and it prints which.
	server := exec.CommandContext(t.Context(), program, "-http-addr", "127.0.0.1:0")
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatalf("start stripe-mock: %v", err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	var printed strings.Builder
	buffer := make([]byte, 512)
	for {
		n, err := output.Read(buffer)
		printed.Write(buffer[:n])
		if _, rest, found := strings.Cut(printed.String(), "127.0.0.1:"); found && strings.Contains(rest, "\n") {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			port, _, _ := strings.Cut(rest, "\n")
			return "http://" + net.JoinHostPort("127.0.0.1", strings.TrimSpace(port))
		}
		if err != nil {
			t.Fatalf("stripe-mock printed %q: %v", printed.String(), err)
		}
	}
}

// withURL gives the sessions of stripe-mock a URL, which its fixture lacks, and keeps the status of each answer.
type withURL struct{ statuses *[]string }

func (w withURL) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	text := strings.Replace(string(body), `"url": null`, `"url": "https://checkout.stripe.com/c/pay/cs"`, 1)
	response.Body, response.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	*w.statuses = append(*w.statuses, r.Method+" "+r.URL.Path+" "+response.Status)
	return response, err
}

// Stripe's own mock takes every call: no parameter is misspelled, of a wrong type, or unknown to the API.
func TestEveryCallAgainstStripeMock(t *testing.T) {
	url := newStripeMock(t)
	var statuses []string
	p := providerOf(t, stripe.Options{
		Office: testOffice,
		APIKey: "sk_test_123", WebhookSecrets: []string{testSecret}, URL: url, HTTP: &http.Client{Transport: withURL{&statuses}},
	})
	a := newAttempt(9800, "CNY")
	started, err := p.Start(t.Context(), a)
	if err != nil || !strings.HasPrefix(started.Reference, "cs_test_") {
		t.Fatalf("start: %+v, %v", started, err)
	}
	if _, err := p.Close(t.Context(), a); err == nil || !strings.Contains(err.Error(), "finds no payment of this attempt") {
		t.Errorf("close without a reference: %v", err) // its answer is a payment of nobody
	}
	a.Reference = started.Reference
	status, err := p.Query(t.Context(), a)
	want(t, status, err, payment.Status{State: payment.Open})
	const ofAnother = "of another session or refund" // the mock answers a POST with one of its own
	if _, err = p.Close(t.Context(), a); err == nil || !strings.Contains(err.Error(), ofAnother) {
		t.Errorf("close: %v", err)
	}
	r := payment.Refund{
		Key: "rf_1", PaymentID: "pi_1", Amount: event.Money{Amount: 100, Currency: "USD"}, Total: event.Money{Amount: 9800, Currency: "USD"},
		Reason: "order_cancelled",
	}
	if made, err := p.Refund(t.Context(), r); err == nil || !strings.Contains(err.Error(), ofAnother) {
		t.Errorf("refund: %+v, %v", made, err)
	}
	r.Reference = "re_1"
	asked, err := p.QueryRefund(t.Context(), r)
	want(t, asked, err, payment.RefundStatus{State: payment.RefundDone, Reference: "re_1"})
	if len(statuses) != 7 {
		t.Errorf("there were %d calls: %q", len(statuses), statuses)
	}
	for _, status := range statuses {
		if !strings.HasSuffix(status, "200 OK") {
			t.Error(status)
		}
	}
}
