package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/identity/identitytest"
)

// newSignIn returns a service that signs people in at a provider of its own.
func newSignIn(t *testing.T) *Service {
	t.Helper()
	server := identitytest.Run(t, testNow)
	provider, err := NewProvider(ProviderOptions{
		Issuer: server.Issuer(), SignIn: true, RolesClaim: "roles", Now: testNow, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := New(Options{
		Secret: []byte(testSecret), Provider: provider, SessionLife: time.Hour, Now: testNow,
		SignIn: &SignInOptions{
			ClientID: server.ClientID, ClientSecret: server.ClientSecret, Scopes: []string{"openid"},
			RedirectURL: func() string { return "https://shop.example/sign-in/callback" },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// However many come back at once, the provider is asked by a few at a time, and nobody waits for ever.
func TestExchangesTakeTurns(t *testing.T) {
	service := newSignIn(t)
	exchanges := service.signIn.exchanges
	address, flow, err := service.BeginSignIn(t.Context(), "/orders", "")
	if err != nil {
		t.Fatal(err)
	}
	var giveBack func()
	for n := range exchangesMax {
		if giveBack, err = exchanges.take(t.Context(), fmt.Sprint("client-", n), fmt.Sprint("state-", n)); err != nil {
			t.Fatal(err)
		}
	}
	back := signInAt(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if done, err := service.FinishSignIn(ctx, testClient, flow, back); !errors.Is(err, ErrProviderAway) || done.Return != "/orders" {
		t.Errorf("while all turns are taken: %+v, %v", done, err)
	}
	giveBack()
	until := testNow().Add(time.Hour).Truncate(time.Second)
	if done, err := service.FinishSignIn(t.Context(), testClient, flow, back); err != nil || done.ExpiresAt != until {
		t.Errorf("with a turn: %+v, %v", done, err)
	}
	if exchanges.turns.free != 1 {
		t.Errorf("%d turns are free, want 1", exchanges.turns.free)
	}
}

const testClient = "192.0.2.1"

// garbageCode is a code that nobody was given.
const garbageCode = "garbage"

// slowForGarbage is the way to a provider that takes its time to refuse garbageCode.
type slowForGarbage struct {
	http.RoundTripper
	refuse chan struct{} // closed: it does
	asked  atomic.Int64  // for garbage
}

func (s *slowForGarbage) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("code="+garbageCode)) {
			s.asked.Add(1)
			<-s.refuse
		}
	}
	return s.RoundTripper.RoundTrip(r)
}

// One client, who has signed in nowhere, comes back with the same cookie and a code of its own again and again, while the
// provider is slow to refuse it. The provider is asked once for it, and everybody else signs in.
func TestOneClientCannotTakeTheTurnsOfAll(t *testing.T) {
	service := newSignIn(t)
	signIn := func() {
		t.Helper()
		address, honest, err := service.BeginSignIn(t.Context(), "/orders", "")
		if err != nil {
			t.Fatal(err)
		}
		if done, err := service.FinishSignIn(t.Context(), testClient, honest, signInAt(t, address)); err != nil || done.Session == "" {
			t.Errorf("somebody else signs in: %+v, %v", done, err)
		}
	}
	signIn() // after which it is known how the provider wants to be asked
	way := &slowForGarbage{RoundTripper: service.signIn.client.Transport, refuse: make(chan struct{})}
	service.signIn.client = &http.Client{Transport: way}
	address, flow, err := service.BeginSignIn(t.Context(), "/", "")
	if err != nil {
		t.Fatal(err)
	}
	garbage := url.Values{"state": {signInAt(t, address).Get("state")}, "code": {garbageCode}}
	const times = 2 * exchangesMax
	answers := make(chan error, times)
	var running sync.WaitGroup
	for range times {
		running.Go(func() {
			_, err := service.FinishSignIn(t.Context(), testClient, flow, garbage)
			answers <- err
		})
	}
	for range times - 1 { // the one that asks the provider waits
		select {
		case err := <-answers:
			if !errors.Is(err, ErrSignInStale) {
				t.Errorf("once more with the same cookie: %v, want %v", err, ErrSignInStale)
			}
		case <-time.After(exchangeTimeout / 2):
			close(way.refuse)
			t.Fatalf("the provider is asked %d times for one cookie", way.asked.Load())
		}
	}
	signIn()
	close(way.refuse)
	running.Wait()
	if _, err := service.FinishSignIn(t.Context(), testClient, flow, garbage); !errors.Is(err, ErrSignInStale) {
		t.Errorf("after the provider has refused it: %v, want %v", err, ErrSignInStale)
	}
	if n := way.asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times for one cookie", n)
	}
}

// One client began as many sign-ins as it liked, each with a code of its own, while the provider was slow to refuse them: it had
// all turns and all places to wait, and nobody else signed in. Now the half of both is for others, however many it begins, and
// when it has come to its end there is nothing left of it.
func TestOneClientThatBeginsManySignIns(t *testing.T) {
	service := newSignIn(t)
	signIn := func(client string) {
		t.Helper()
		address, honest, err := service.BeginSignIn(t.Context(), "/orders", "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), exchangeTimeout/2)
		defer cancel()
		if done, err := service.FinishSignIn(ctx, client, honest, signInAt(t, address)); err != nil || done.Session == "" {
			t.Errorf("%s signs in: %+v, %v", client, done, err)
		}
	}
	signIn("198.51.100.1") // after which it is known how the provider wants to be asked
	way := &slowForGarbage{RoundTripper: service.signIn.client.Transport, refuse: make(chan struct{})}
	service.signIn.client = &http.Client{Transport: way}
	const times = 2 * (exchangesMax + exchangeWaitersMax)
	answers := make(chan error, times)
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range times {
		address, flow, err := service.BeginSignIn(ctx, "/", "")
		if err != nil {
			t.Fatal(err)
		}
		begun, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			_, err := service.FinishSignIn(ctx, testClient, flow, url.Values{"state": {begun.Query().Get("state")}, "code": {garbageCode}})
			answers <- err
		})
	}
	const places = (exchangesMax + exchangeWaitersMax) / 2
	for range times - places { // the others wait
		select {
		case err := <-answers:
			if !errors.Is(err, ErrTooManySignIns) {
				t.Errorf("one too many: %v", err)
			}
		case <-time.After(exchangeTimeout / 2):
			close(way.refuse)
			t.Fatalf("one client has %d turns", way.asked.Load())
		}
	}
	for n := range 20 {
		signIn(fmt.Sprint("203.0.113.", n))
	}
	if n := way.asked.Load(); n > exchangesMax/2 {
		t.Errorf("%d turns are one client's", n)
	}
	stop()
	close(way.refuse)
	running.Wait()
	signIn(testClient)
	e := service.signIn.exchanges
	if e.turns.free != exchangesMax || e.places.free != exchangesMax+exchangeWaitersMax || len(e.underway)+len(e.waiting)+len(e.turns.taken) != 0 {
		t.Errorf("afterwards %d turns and %d places are free, %d are under way", e.turns.free, e.places.free, len(e.underway))
	}
}

// Clients share the turns: each has as many as it leaves, so that some are left for whoever comes next.
func TestSharesOfClients(t *testing.T) {
	for clients, each := range map[int]int{1: 32, 2: 21, 3: 16, 7: 8} {
		s := newShares(64)
		for range 64 {
			for c := range clients {
				s.take(fmt.Sprint(c))
			}
		}
		for c := range clients {
			if n := s.taken[fmt.Sprint(c)]; n < each || n > each+1 {
				t.Errorf("of %d clients, one has %d of 64, want %d", clients, n, each)
			}
		}
		if !s.take("newcomer") {
			t.Errorf("%d clients leave nothing", clients)
		}
	}
}

// A provider that hangs lets no more wait than are bounded: whoever comes then is told at once to try again.
func TestWaitersForExchangesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := newExchanges()
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), exchangeTimeout)
		defer stop()
		const places = exchangesMax + exchangeWaitersMax
		for n := range places {
			go func() { _, _ = e.take(ctx, fmt.Sprint("client-", n), fmt.Sprint(n)) }()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := e.take(ctx, "another client", "one more"); !errors.Is(err, ErrProviderAway) || !time.Now().Equal(began) {
			t.Errorf("one more than may wait, after %v: %v", time.Since(began), err)
		}
		stop()
		synctest.Wait()
		if n := len(e.underway); n != exchangesMax {
			t.Errorf("%d are under way after the waiters have gone, want %d", n, exchangesMax)
		}
	})
}

// signInAt signs in at the provider, and returns its answer.
func signInAt(t *testing.T, address string) url.Values {
	t.Helper()
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := stay.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	back, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}
