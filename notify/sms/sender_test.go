package sms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/notify"
)

const testSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func testMessage() notify.Message {
	return notify.Message{
		ID: "o-1-paid-sms", Kind: notify.KindPaid, Channel: notify.ChannelSMS, To: "+8613800138000", Language: "zh",
		Text: "\u60a8\u7684\u7968 https://box.example/tickets#o-1\n",
	}
}

// newGateway is a gateway that answers with a status.
func newGateway(t *testing.T, answer http.HandlerFunc) *Sender {
	t.Helper()
	gateway := httptest.NewServer(answer)
	t.Cleanup(gateway.Close)
	sender, err := New(Options{URL: gateway.URL + "/send?key=k-e-y", Secret: testSecret, Timeout: 10 * time.Second, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// A gateway that verifies what it gets, by the specification's own library, takes it; each try has the same id.
func TestSMSIsSigned(t *testing.T) {
	webhook, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	var got []Body
	var ids []string
	sender := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil || webhook.Verify(raw, r.Header) != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != "POST" {
			http.Error(w, "forged", http.StatusUnauthorized)
			return
		}
		var body Body
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Error(err)
		}
		got, ids = append(got, body), append(ids, r.Header.Get("Webhook-Id"))
		w.WriteHeader(http.StatusAccepted)
	})
	for range 2 {
		if err := sender.Send(t.Context(), testMessage()); err != nil {
			t.Fatal(err)
		}
	}
	want := Body{"sms.send", "o-1-paid-sms", "+8613800138000", "\u60a8\u7684\u7968 https://box.example/tickets#o-1", "zh"}
	if len(got) != 2 || got[0] != want || ids[0] != ids[1] || ids[0] != "o-1-paid-sms" {
		t.Errorf("got %+v by %s, want %+v", got, ids, want)
	}
}

func TestAnswersOfTheGateway(t *testing.T) {
	for status, want := range map[int]error{
		200: nil, 202: nil, 204: nil, 400: notify.ErrRefused, 413: notify.ErrRefused, 422: notify.ErrRefused,
		401: notify.ErrAway, 403: notify.ErrAway, 404: notify.ErrAway, 410: notify.ErrAway, 429: notify.ErrAway,
		502: notify.ErrAway, 503: notify.ErrAway, 504: notify.ErrAway, 301: errAny, 409: errAny, 500: errAny,
	} {
		sender := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_, _ = io.WriteString(w, strings.Repeat("no ", 100_000))
			}
		})
		err := sender.Send(t.Context(), testMessage())
		isKnown := errors.Is(err, notify.ErrRefused) || errors.Is(err, notify.ErrAway)
		switch {
		case want == nil && err != nil, errors.Is(want, errAny) && (err == nil || isKnown),
			want != nil && !errors.Is(want, errAny) && !errors.Is(err, want):
			t.Errorf("%d: %v", status, err)
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("%d: the error has %d bytes", status, len(err.Error()))
		}
	}
}

var errAny = errors.New("any other")

// A gateway that hangs, or is not there, is away; its address, whose query may be a key, is in no error.
func TestGatewayThatIsAway(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	sender := newGateway(t, func(http.ResponseWriter, *http.Request) { <-release })
	sender.Timeout = 100 * time.Millisecond
	err := sender.Send(t.Context(), testMessage())
	if !errors.Is(err, notify.ErrAway) || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "k-e-y") {
		t.Errorf("send: %v", err)
	}
	nobody, err := New(Options{URL: "http://127.0.0.1:1/?key=k-e-y", Secret: testSecret, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.Send(t.Context(), testMessage()); !errors.Is(err, notify.ErrAway) || strings.Contains(err.Error(), "k-e-y") {
		t.Errorf("send: %v", err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for what, o := range map[string]Options{
		"no URL":          {Secret: testSecret},
		"another scheme":  {URL: "ftp://sms.example/", Secret: testSecret},
		"a password":      {URL: "https://me:pass@sms.example/", Secret: testSecret},
		"no secret":       {URL: "https://sms.example/"},
		"a short secret":  {URL: "https://sms.example/", Secret: "whsec_QUJD"},
		"a broken secret": {URL: "https://sms.example/", Secret: "whsec_%%%"},
		"another secret":  {URL: "https://sms.example/", Secret: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
	} {
		_, err := New(o)
		if err == nil || strings.Contains(err.Error(), "MDEy") || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
