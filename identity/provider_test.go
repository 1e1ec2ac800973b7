package identity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A key that is published is good at once, by the token that names it. One that is withdrawn is good no longer, also for
// tokens that were verified and remembered before.
func TestRotation(t *testing.T) {
	first, second := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodRS256)
	keys := newKeyServer(t, first)
	f := newFixture(t, keys.URL)
	old, fresh := first.sign(t, goodClaims()), second.sign(t, goodClaims())
	want := func(when, token string, valid bool) {
		t.Helper()
		if _, err := f.Token(t.Context(), token); (err == nil) != valid {
			t.Errorf("%s: %v", when, err)
		}
	}
	want("before", old, true)
	want("before", old, true)
	f.clock.advance(retryPause)
	keys.change(publish(t, first, second))
	want("the new key", fresh, true)
	want("the old key beside it", old, true)
	f.clock.advance(retryPause)
	keys.change(publish(t, second))
	want("remembered, and the withdrawal not read yet", old, true)
	if err := f.provider.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("withdrawn", old, false)
	want("the new key alone", fresh, true)
}

// A reading that changes nothing must not make every token be verified again.
func TestTheSameKeysKeepWhatTheyVerified(t *testing.T) {
	first, second := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
	keys := newKeyServer(t, first, second)
	f := newFixture(t, keys.URL)
	if _, err := f.Token(t.Context(), first.sign(t, goodClaims())); err != nil {
		t.Fatal(err)
	}
	known := f.provider.known()
	keys.change(publish(t, second, first)) // in another order
	if err := f.provider.read(t.Context()); err != nil || f.provider.known() != known {
		t.Errorf("%v, the same set: %v", err, f.provider.known() == known)
	}
}

// Tokens with made-up ids of keys do not make the office a load on its identity provider.
func TestUnknownKeysAreReadForNotTooOften(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	keys := newKeyServer(t, key)
	f := newFixture(t, keys.URL)
	junk := func() {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				token := key.sign(t, goodClaims(), func(h map[string]any) { h["kid"] = "made up" })
				if _, err := f.Token(t.Context(), token); !errors.Is(err, ErrInvalid) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
	}
	junk()
	if n := keys.asked(); n != 1 {
		t.Errorf("%d readings, want 1", n)
	}
	f.clock.advance(retryPause)
	junk()
	if n := keys.asked(); n != 2 {
		t.Errorf("%d readings after a pause, want 2", n)
	}
}

// While the provider is away, known keys and the office's own tokens go on, and the log says so once.
func TestProviderAway(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	keys := newKeyServer(t, key)
	published := publish(t, key)
	keys.change(nil)
	f := newFixture(t, keys.URL)
	token := key.sign(t, goodClaims())
	if _, err := f.Token(t.Context(), token); !errors.Is(err, ErrProviderAway) {
		t.Errorf("away from the start: %v", err)
	}
	if _, err := f.Token(t.Context(), officeToken(t, "alice", "buyer")); err != nil {
		t.Errorf("the office's own: %v", err)
	}
	if _, err := f.Token(t.Context(), "not.a.token"); !errors.Is(err, ErrInvalid) {
		t.Errorf("garbage: %v", err)
	}
	keys.change(published)
	f.clock.advance(retryPause)
	if _, err := f.Token(t.Context(), token); err != nil {
		t.Errorf("back: %v", err)
	}
	for _, broken := range [][]byte{nil, []byte(`{"keys":[]}`), []byte("<html>"), append(bytes.Repeat([]byte(" "), answerBytesMax), published...)} {
		keys.change(broken)
		if f.provider.read(t.Context()) == nil {
			t.Errorf("%.20q was taken for keys", broken)
		}
		if _, err := f.Token(t.Context(), key.sign(t, goodClaims(set("jti", "fresh")))); err != nil {
			t.Errorf("a known key: %v", err)
		}
	}
	of := fmt.Sprintf(` issuer=%s of="identity provider" `, testIssuer)
	begins, ends := `msg="outage begins"`+of+"error=", `msg="outage ends"`+of+"lasted="
	if log := f.log.String(); strings.Count(log, begins) != 2 || strings.Count(log, ends) != 1 {
		t.Errorf("logged %s", log)
	}
}

// The keys are read without anybody asking, and a reading that hangs does not hold up who does not want to wait.
func TestRunReadsTheKeys(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	keys := newKeyServer(t, key)
	f := newFixture(t, keys.URL)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.provider.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); f.provider.known() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the keys were not read")
		}
	}
	cancel()
	<-done

	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	f = newFixture(t, slow.URL)
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.Token(ctx, key.sign(t, goodClaims())); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v", err)
	}
}

// Keys that are too weak, for encryption, or of another kind are no keys for signatures.
func TestKeysThatVerifyNothing(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	alone := string(publish(t, signer{id: "small", method: jwt.SigningMethodRS256, private: small}))
	good := string(publish(t, newSigner(t, "k", jwt.SigningMethodES256)))
	one := strings.TrimSuffix(strings.TrimPrefix(good, `{"keys":[`), "]}")
	for name, set := range map[string]string{
		"weak RSA":               alone,
		"another curve":          string(publish(t, signer{id: "large", method: jwt.SigningMethodES384, private: large})),
		"for encryption":         strings.Replace(good, `"kty"`, `"use":"enc","kty"`, 1),
		"for another algorithm":  strings.Replace(good, `"kty"`, `"alg":"ES384","kty"`, 1),
		"curve of no use":        `{"keys":[{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]}`,
		"one part twice":         strings.Replace(good, `"kty"`, `"x":"AAAA","kty"`, 1),
		"a name in another case": strings.Replace(good, `"keys"`, `"Keys"`, 1),
		"private to everybody":   `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"too many":               `{"keys":[` + strings.Repeat(one+",", keysMax) + one + `]}`,
	} {
		if _, err := parseKeySet([]byte(set)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := parseKeySet([]byte(good)); err != nil {
		t.Error(err)
	}
}

// What is asked for is where it was configured: a redirect could lead to another's keys, or off TLS.
func TestKeysAreNotSoughtElsewhere(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	redirect := httptest.NewServer(http.RedirectHandler(newKeyServer(t, key).URL, http.StatusFound))
	defer redirect.Close()
	f := newFixture(t, redirect.URL)
	if err := f.provider.read(t.Context()); err == nil || f.provider.known() != nil {
		t.Errorf("%v, keys %v", err, f.provider.known())
	}
}

// A provider on TLS that sends people, secrets or keys over no TLS, or that is another one, is not taken for discovered. A userinfo
// endpoint over no TLS alone is not asked: for its sake no keys were read, and nobody's token was valid.
func TestDiscoveryStaysOnTLS(t *testing.T) {
	var issuer string
	var change map[string]string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		document := map[string]string{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
		}
		maps.Copy(document, change)
		_ = json.NewEncoder(w).Encode(document)
	}))
	defer server.Close()
	issuer = server.URL
	for name, c := range map[string]struct {
		change map[string]string
		good   bool
	}{
		"as it should be":      {nil, true},
		"another issuer":       {map[string]string{"issuer": issuer + "/"}, false},
		"people over no TLS":   {map[string]string{"authorization_endpoint": "http://login.example/authorize"}, false},
		"secrets over no TLS":  {map[string]string{"token_endpoint": "http://login.example/token"}, false},
		"keys over no TLS":     {map[string]string{"jwks_uri": "http://login.example/keys"}, false},
		"sign-out over no TLS": {map[string]string{"end_session_endpoint": "http://login.example/out"}, false},
		"sign-out over TLS":    {map[string]string{"end_session_endpoint": "https://login.example/out"}, true},
		"userinfo over no TLS": {map[string]string{"userinfo_endpoint": "http://login.example/userinfo"}, true},
		"userinfo over TLS":    {map[string]string{"userinfo_endpoint": "https://login.example/userinfo"}, true},
		"no authorization":     {map[string]string{"authorization_endpoint": ""}, false},
		"keys in a file of us": {map[string]string{"jwks_uri": "/etc/hostname"}, false},
	} {
		change = c.change
		f := newFixture(t, "", func(o *ProviderOptions) { o.Issuer = issuer })
		f.provider.client = server.Client()
		keys, err := f.provider.discover(t.Context())
		if (err == nil) != c.good || c.good && keys != issuer+"/keys" || (f.provider.discovered.Load() != nil) != c.good {
			t.Errorf("%s: %q, %v", name, keys, err)
		}
		if found := f.provider.discovered.Load(); c.good && found.hasUserInfo != strings.HasPrefix(c.change["userinfo_endpoint"], "https:") {
			t.Errorf("%s: userinfo is asked: %v", name, found.hasUserInfo)
		}
	}
}
