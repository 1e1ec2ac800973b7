package identity

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"boxoffice/identity/identitytest"
)

// However many come back at once, the provider is asked by a few at a time, and nobody waits for ever.
func TestExchangesTakeTurns(t *testing.T) {
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
	address, flow, err := service.BeginSignIn(t.Context(), "/orders")
	if err != nil {
		t.Fatal(err)
	}
	for range exchangesMax {
		service.signIn.turns <- struct{}{}
	}
	back := signInAt(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if done, err := service.FinishSignIn(ctx, flow, back); !errors.Is(err, ErrProviderAway) || done.Return != "/orders" {
		t.Errorf("while all turns are taken: %+v, %v", done, err)
	}
	<-service.signIn.turns
	if done, err := service.FinishSignIn(t.Context(), flow, back); err != nil || done.ExpiresAt != testNow().Add(time.Hour).Truncate(time.Second) {
		t.Errorf("with a turn: %+v, %v", done, err)
	}
	if n := len(service.signIn.turns); n != exchangesMax-1 {
		t.Errorf("%d turns are taken, want %d", n, exchangesMax-1)
	}
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
