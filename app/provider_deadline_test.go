//go:build !race

package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"boxoffice/app/settings"
	"boxoffice/payment"
)

// settableClock is a clock that somebody sets while time goes on.
type settableClock struct{ at, age time.Time }

func newSettableClock() *settableClock {
	at := time.Date(2026, 12, 1, 20, 0, 0, 0, time.UTC)
	return &settableClock{at, at}
}

func (s *settableClock) pass(d time.Duration) { s.at, s.age = s.at.Add(d), s.age.Add(d) }
func (s *settableClock) set(d time.Duration)  { s.at = s.at.Add(d) }

// newAlipayOfClock returns the provider Alipay as an office of this clock makes it. Alipay knows no trade: its payers have a page,
// and have not opened it yet.
func newAlipayOfClock(t *testing.T, s *settableClock) payment.Provider {
	t.Helper()
	keys := newProviderKeys(t)
	fake := newAlipay(t, keys, false)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const answer = `{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"no such trade"}`
		_, _ = fmt.Fprintf(w, `{"alipay_trade_query_response":%s,"sign":%q}`, answer, fake.sign(answer))
	}))
	t.Cleanup(server.Close)
	o := &office{log: slog.New(slog.DiscardHandler), config: settings.Config{
		PublicURL: realShop, PayWindow: 20 * time.Minute,
		Providers: settings.ProviderConfig{
			AlipayAppID: alipayApp, AlipayGateway: server.URL, AlipayPrivateKey: privatePEM(t, keys.alipayOurs),
			AlipayPublicKeys: []string{publicPEM(t, keys.theirs[0])},
		},
	}}
	o.setClock(func() time.Time { return s.at }, func() time.Time { return s.age }, func(context.Context) (time.Duration, error) { return 0, nil })
	providers, err := o.paymentProviders()
	if err != nil {
		t.Fatal(err)
	}
	return providers[len(providers)-1]
}

// A clock was set ahead by an hour, and a payer had Alipay's page and had not opened it yet. Its deadline was judged by that clock:
// the payment was closed in the books, while its page could be paid for another quarter of an hour, and nobody asked for it any
// more. Were its callback lost, so was the money. It ends with its order, at a time that has certainly come.
func TestClockThatIsSetAheadClosesNoPayment(t *testing.T) {
	s := newSettableClock()
	p := newAlipayOfClock(t, s)
	attempt := payment.Attempt{ID: "attempt", OrderID: "order", ExpiresAt: s.at.Add(15 * time.Minute)}
	wantState := func(want payment.AttemptState) {
		t.Helper()
		if got, err := p.Query(t.Context(), attempt); err != nil || got.State != want {
			t.Errorf("the payment is %q, %v, want %q", got.State, err, want)
		}
	}
	s.pass(time.Minute)
	wantState(payment.Open)
	s.set(time.Hour)
	s.pass(time.Minute)
	wantState(payment.Open)
	s.pass(13 * time.Minute)
	wantState(payment.Closed)
}
