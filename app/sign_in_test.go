//go:build !race

package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/identity/identitytest"
)

// newOfficeWithProvider starts an office at whose identity provider people sign in.
func newOfficeWithProvider(t *testing.T, provider *identitytest.Provider, more map[string]string) *officeTest {
	t.Helper()
	o := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	o.env = o.environment()
	o.env["BOXOFFICE_OIDC_ISSUER"] = provider.Issuer()
	o.env["BOXOFFICE_OIDC_CLIENT_ID"], o.env["BOXOFFICE_OIDC_CLIENT_SECRET"] = provider.ClientID, provider.ClientSecret
	for name, value := range more {
		o.env["BOXOFFICE_OIDC_"+name] = value
	}
	o.start()
	return o
}

// A buyer signs in at the identity provider and buys by cookie; an administrator of the provider puts tickets on sale by its
// token. The office starts while the provider is away, and takes its own tokens meanwhile.
func TestOfficeWithAnIdentityProvider(t *testing.T) {
	t.Parallel()
	provider := identitytest.Run(t, time.Now)
	provider.SetAway(true)
	o := newOfficeWithProvider(t, provider, map[string]string{
		"AUDIENCE": "tickets", "ROLES_CLAIM": "realm_access.roles", "ADMIN_ROLE": "boss",
	})
	screening := o.addScreening(10, 0)
	o.mustBuy("alice", screening, 1)
	if log := o.stdout.String(); strings.Count(log, `"outage begins" part=identity`) != 1 {
		t.Errorf("logged %s", log)
	}

	provider.SetAway(false)
	boss := provider.Sign(jwt.MapClaims{
		"iss": provider.Issuer(), "aud": "tickets", "sub": "bob", "exp": time.Now().Add(time.Hour).Unix(),
		"realm_access": map[string]any{"roles": []string{"boss"}},
	})
	o.within(testDeadline, "the provider's token is taken", func() bool {
		return o.must("GET", "/v1/admin/ledger", boss, "").status == http.StatusOK
	})
	browser := identitytest.NewBrowser(t)
	provider.QueueUser(identitytest.Person{Subject: "carol"})
	if r, err := browser.Get(o.shop + "/sign-in?return=/problems"); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("sign in: %v, %+v", err, r)
	} else if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
	buy, err := http.NewRequest(http.MethodPost, o.shop+"/v1/screenings/"+screening+"/orders", strings.NewReader(`{"quantity":2}`))
	if err != nil {
		t.Fatal(err)
	}
	buy.Header.Set("Content-Type", "application/json")
	buy.Header.Set("Idempotency-Key", "by-cookie")
	buy.Header.Set("Origin", o.shop)
	r, err := browser.Do(buy)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusAccepted {
		t.Errorf("buy by cookie: %d %s, %v", r.StatusCode, body, err)
	}
	if list := o.must("GET", "/v1/orders", bearer(t, "carol", "buyer"), ""); !strings.Contains(string(list.body), screening) {
		t.Errorf("the order is not carol's: %s", list.body)
	}
}
