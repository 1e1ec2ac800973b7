package identity

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"boxoffice/identity/identitytest"
)

// newPersonSignIn returns a service at whose provider this person signs in next, and what it logs. The provider's clock goes by
// so much before the office's.
func newPersonSignIn(t *testing.T, person identitytest.Person, before time.Duration) (*Service, *logText) {
	t.Helper()
	server := identitytest.Run(t, func() time.Time { return testNow().Add(-before) })
	for range userInfoPatience + 1 { // sign-ins of hers
		server.QueueUser(person)
	}
	log := &logText{}
	provider, err := NewProvider(ProviderOptions{
		Issuer: server.Issuer(), SignIn: true, RolesClaim: "realm_access.roles", StaffRole: "staff", AdminRole: "admin",
		Now: testNow, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := New(Options{
		Secret: []byte(testSecret), Provider: provider, SessionLife: time.Hour, Now: testNow,
		SignIn: &SignInOptions{
			ClientID: server.ClientID, ClientSecret: server.ClientSecret, Scopes: []string{"openid", "profile", "email"},
			RedirectURL: func() string { return "https://shop.example/sign-in/callback" },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return service, log
}

// signInOnce signs the next person in, and returns who it is by the session.
func signInOnce(t *testing.T, service *Service) (Caller, error) {
	t.Helper()
	address, flow, err := service.BeginSignIn(t.Context(), "/", "")
	if err != nil {
		t.Fatal(err)
	}
	done, err := service.FinishSignIn(t.Context(), testClient, flow, signInAt(t, address))
	if err != nil {
		return Caller{}, err
	}
	return service.Session(done.Session)
}

// A conforming provider (zitadel/oidc, by itself) puts nothing into the ID token but the subject: everybody was shown as a number,
// operators were none, and no address was offered for mail. The rest is at its userinfo endpoint (OpenID Connect Core, 5.4).
func TestWhatTheIDTokenLeavesOutIsAsked(t *testing.T) {
	roles := func(names ...any) map[string]any { return map[string]any{"roles": names} }
	all := map[string]any{"name": "Alice Info", "email": "info@example.com", "email_verified": true, "realm_access": roles("admin")}
	for name, c := range map[string]struct {
		said, info map[string]any
		want       Caller
		logged     string
	}{
		"everything": {nil, all, Caller{Name: "Alice Info", Email: "info@example.com", Roles: Buyer | Admin}, ""},
		"the token wins": {
			map[string]any{"name": "Alice Token", "email": "token@example.com", "email_verified": true}, all,
			Caller{Name: "Alice Token", Email: "token@example.com", Roles: Buyer | Admin}, "",
		},
		"one address is not verified by another": {
			map[string]any{"name": "Alice", "email": "token@example.com"}, all, Caller{Name: "Alice", Roles: Buyer | Admin}, "",
		},
		"the token has all": {
			map[string]any{"preferred_username": "al", "email": "a@example.com", "email_verified": true, "realm_access": roles("staff")},
			map[string]any{"name": "never asked", "nickname": "x"}, Caller{Name: "al", Email: "a@example.com", Roles: Buyer | Staff}, "",
		},
		"nothing there either": {nil, nil, Caller{Name: "alice", Roles: Buyer}, ""},
		"of another person": {
			nil, map[string]any{"sub": "mallory", "name": "Mallory", "realm_access": roles("admin")}, Caller{Name: "alice", Roles: Buyer},
			"it is about another person",
		},
		"not as it should be": {nil, map[string]any{"exp": -5}, Caller{Name: "alice", Roles: Buyer}, "is not used"},
		"roles within a claim that the token has": {
			map[string]any{"name": "Alice", "realm_access": map[string]any{"verify_caller": true}}, all,
			Caller{Name: "Alice", Email: "info@example.com", Roles: Buyer | Admin}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			service, log := newPersonSignIn(t, identitytest.Person{Subject: "alice", Said: c.said, Info: c.info}, 0)
			who, err := signInOnce(t, service)
			c.want.Subject, c.want.ExpiresAt = "alice", who.ExpiresAt
			if err != nil || who != c.want {
				t.Errorf("signed in as %+v, %v, want %+v", who, err, c.want)
			}
			if logged := log.String(); !strings.Contains(logged, c.logged) || c.logged == "" && logged != "" {
				t.Errorf("it logs %q", logged)
			}
		})
	}
}

// A provider whose userinfo endpoint is away signs people in all the same, and the log says once what they miss.
func TestSignInGoesOnWithoutUserInfo(t *testing.T) {
	service, log := newPersonSignIn(t, identitytest.Person{Subject: "alice"}, 0)
	service.signIn.client = &http.Client{Transport: withoutUserInfo{service.signIn.client.Transport}}
	for range userInfoPatience + 1 {
		if who, err := signInOnce(t, service); err != nil || who.Name != who.Subject || who.Roles != Buyer {
			t.Errorf("signed in as %+v, %v", who, err)
		}
	}
	if logged := log.String(); strings.Count(logged, "outage begins") != 1 || len(logged) > 500 {
		t.Errorf("it logs %q", logged)
	}
}

// One answer that never came, or that nobody waited for, was told as an outage of the provider; and a silent userinfo endpoint held
// a sign-in, and the turn for which others wait, until the whole sign-in had failed.
func TestASilentUserInfoHoldsNobody(t *testing.T) {
	service, log := newPersonSignIn(t, identitytest.Person{Subject: "alice"}, 0)
	silent := &silentUserInfo{RoundTripper: service.signIn.client.Transport}
	service.signIn.client = &http.Client{Transport: silent}
	if who, err := signInOnce(t, service); err != nil || who.Name != who.Subject {
		t.Errorf("signed in as %+v, %v", who, err)
	}
	if left := silent.left; left <= 0 || left > userInfoTimeout {
		t.Errorf("userinfo has %s to answer, want %s at most", left, userInfoTimeout)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range userInfoPatience {
		service.signIn.userInfo.complete(oidc.ClientContext(ended, service.signIn.client), &claims{}, &oauth2.Token{AccessToken: "x"})
	}
	if logged := log.String(); logged != "" {
		t.Errorf("it logs %q", logged)
	}
}

// silentUserInfo notes how long the userinfo endpoint has to answer, and fails as after that time.
type silentUserInfo struct {
	http.RoundTripper
	left time.Duration
}

func (s *silentUserInfo) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/userinfo") {
		return s.RoundTripper.RoundTrip(r)
	}
	deadline, _ := r.Context().Deadline()
	s.left = time.Until(deadline)
	return nil, context.DeadlineExceeded
}

// withoutUserInfo answers at length that there is no userinfo.
type withoutUserInfo struct{ http.RoundTripper }

func (w withoutUserInfo) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.RoundTripper.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/userinfo") {
		response.StatusCode, response.Status = http.StatusForbidden, "403 "+strings.Repeat("no ", 1000)
	}
	return response, err
}

// An ID token that is good for seconds was over at once where the office's clock was a little ahead of the provider's.
func TestClocksOfOfficeAndProviderDiffer(t *testing.T) {
	const life = 10 * time.Minute // of a token there
	for before, want := range map[time.Duration]bool{
		0: true, life + Leeway/2: true, life + 2*Leeway: false, -4 * time.Minute: true, -6 * time.Minute: false,
	} {
		service, _ := newPersonSignIn(t, identitytest.Person{Subject: "alice"}, before)
		if _, err := signInOnce(t, service); (err == nil) != want {
			t.Errorf("the provider's clock is %s behind: %v", before, err)
		}
	}
}

// Two tabs in which a person signed in at once lost both sign-ins. As many as there is room for are kept, the newest ones, and each
// is used up by itself.
func TestFlowsOfSeveralTabs(t *testing.T) {
	service := newSignIn(t)
	var kept string
	addresses := []string{}
	for range flowsMax + 1 {
		address, flow, err := service.BeginSignIn(t.Context(), "/orders", "zh-CN zh")
		if err != nil || !strings.Contains(address, "&ui_locales=zh-CN+zh") {
			t.Fatal(address, err)
		}
		kept, addresses = KeepFlow(kept, flow), append(addresses, address)
	}
	slices.Reverse(addresses) // the newest first
	for i, address := range addresses {
		before := len(splitFlows(kept))
		done, err := service.FinishSignIn(t.Context(), testClient, kept, signInAt(t, address))
		if tooOld := i == flowsMax; (err != nil) != tooOld {
			t.Errorf("tab %d: %v", i, err)
		}
		if kept = done.Flows; err == nil && len(splitFlows(kept)) != before-1 {
			t.Errorf("tab %d: %d are left of %d", i, len(splitFlows(kept)), before)
		}
	}
	long := strings.Repeat("x", flowsBytesMax/2)
	if kept := KeepFlow(KeepFlow("old", long), long); kept != long {
		t.Errorf("%d bytes are kept", len(kept))
	}
}
