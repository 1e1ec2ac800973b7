package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"boxoffice/identity"
)

// busyIdentity refuses every sign-in that comes back, as of a client that has too many, and notes the clients.
type busyIdentity struct {
	Identity
	clients []string
}

func (b *busyIdentity) FinishSignIn(_ context.Context, client, _ string, _ url.Values) (identity.SignedIn, error) {
	b.clients = append(b.clients, client)
	return identity.SignedIn{Return: "/problems"}, identity.ErrTooManySignIns
}

// Who has too many sign-ins under way is told to wait, and is known by the network address.
func TestTooManySignIns(t *testing.T) {
	f := newSignInFixture(t)
	refusing := &busyIdentity{Identity: f.known}
	busy := newFixture(t, func(o *Options) { o.Identity = refusing })
	for _, remote := range []string{"192.0.2.7:1234", "[2001:db8:1:2::9]:1234"} {
		r := httptest.NewRequest(http.MethodGet, "/sign-in/callback?code=x&state=y", nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		busy.handler.ServeHTTP(w, r)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
			!strings.Contains(w.Body.String(), "<h1>Too many requests") {
			t.Errorf("answered %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if want := []string{"192.0.2.7", "2001:db8:1:2::/64"}; !slices.Equal(refusing.clients, want) {
		t.Errorf("the clients are %q, want %q", refusing.clients, want)
	}
}
