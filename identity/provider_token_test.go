package identity

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What a token of an identity provider must be, and each way in which one is forged. All are signed by keys that the provider
// has published, or by what a forger can make of those.
func TestProviderTokens(t *testing.T) {
	rs := newSigner(t, "rs", jwt.SigningMethodRS256)
	es := newSigner(t, "es", jwt.SigningMethodES256)
	ed := newSigner(t, "ed", jwt.SigningMethodEdDSA)
	stranger := newSigner(t, "rs", jwt.SigningMethodRS256)
	f := newFixture(t, newKeyServer(t, rs, es, ed).URL)
	public, err := x509.MarshalPKIXPublicKey(rs.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	header := func(name string, value any) func(map[string]any) {
		return func(h map[string]any) { h[name] = value }
	}
	symmetric := func(key []byte) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims(set("role", "admin")))
		token.Header["kid"] = "rs"
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, c := range map[string]struct {
		token string
		valid bool
	}{
		"RS256":                       {rs.sign(t, goodClaims()), true},
		"ES256":                       {es.sign(t, goodClaims()), true},
		"EdDSA":                       {ed.sign(t, goodClaims()), true},
		"audience among others":       {rs.sign(t, goodClaims(set("aud", []string{"other", testAudience}))), true},
		"without the key's id":        {es.sign(t, goodClaims(), func(h map[string]any) { delete(h, "kid") }), true},
		"access token (RFC 9068)":     {rs.sign(t, goodClaims(), header("typ", "at+jwt")), true},
		"logout token":                {rs.sign(t, goodClaims(), header("typ", "logout+jwt")), false},
		"another issuer":              {rs.sign(t, goodClaims(set("iss", testIssuer+"/"))), false},
		"no issuer":                   {rs.sign(t, goodClaims(without("iss"))), false},
		"another audience":            {rs.sign(t, goodClaims(set("aud", "other"))), false},
		"no audience":                 {rs.sign(t, goodClaims(without("aud"))), false},
		"expired":                     {rs.sign(t, goodClaims(set("exp", testNow().Add(-time.Minute).Unix()))), false},
		"no exp":                      {rs.sign(t, goodClaims(without("exp"))), false},
		"not yet":                     {rs.sign(t, goodClaims(set("nbf", testNow().Add(time.Minute).Unix()))), false},
		"exp beyond time":             {rs.sign(t, goodClaims(set("exp", 1e300))), false},
		"subject that no buyer has":   {rs.sign(t, goodClaims(set("sub", "al\u00edce"))), false},
		"no subject":                  {rs.sign(t, goodClaims(without("sub"))), false},
		"crit":                        {rs.sign(t, goodClaims(), header("crit", []string{"exp"})), false},
		"unknown key":                 {rs.sign(t, goodClaims(), header("kid", "other")), false},
		"key of another kind":         {rs.sign(t, goodClaims(), header("kid", "es")), false},
		"a stranger's key":            {stranger.sign(t, goodClaims()), false},
		"a stranger's, without id":    {stranger.sign(t, goodClaims(), func(h map[string]any) { delete(h, "kid") }), false},
		"RS512 by the right key":      {signer{"rs", jwt.SigningMethodRS512, rs.private}.sign(t, goodClaims()), false},
		"PS256 by the right key":      {signer{"rs", jwt.SigningMethodPS256, rs.private}.sign(t, goodClaims()), false},
		"HS256 with the public key":   {symmetric(pemText), false},
		"HS256 with its DER":          {symmetric(public), false},
		"alg none":                    {signWith(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()), false},
		"the office's role means nil": {rs.sign(t, goodClaims(set("role", "admin"))), true},
	} {
		who, err := f.Token(t.Context(), c.token)
		if (err == nil) != c.valid || !c.valid && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if c.valid && (who.Subject != "alice" || who.Roles != Buyer) {
			t.Errorf("%s: %+v", name, who)
		}
	}
}

// The header "alg" chooses the parser, and a key published under the secret's name must not become one.
func TestSymmetricKeysArePublishedInVain(t *testing.T) {
	rs := newSigner(t, "rs", jwt.SigningMethodRS256)
	keys := newKeyServer(t)
	keys.change([]byte(strings.Replace(string(publish(t, rs)), `[`, `[{"kty":"oct","kid":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM"},`, 1)))
	f := newFixture(t, keys.URL)
	if _, err := f.Token(t.Context(), rs.sign(t, goodClaims())); err != nil {
		t.Errorf("the key beside it: %v", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims(set("role", "admin")))
	token.Header["kid"] = "oct"
	text, err := token.SignedString([]byte("secret-secret-secret-secret-s"))
	if err != nil {
		t.Fatal(err)
	}
	if who, err := f.Token(t.Context(), text); err == nil {
		t.Errorf("%+v", who)
	}
}

func TestRolesOfAProvidersToken(t *testing.T) {
	rs := newSigner(t, "rs", jwt.SigningMethodRS256)
	keys := newKeyServer(t, rs)
	for name, c := range map[string]struct {
		claim string
		value any // of roles
		want  Roles
	}{
		"none":               {"roles", nil, Buyer},
		"array":              {"roles", []string{"door", "till"}, Buyer | Staff},
		"text":               {"roles", "boss", Buyer | Admin},
		"text with spaces":   {"roles", "boss door", Buyer | Staff | Admin},
		"our names":          {"roles", []string{"staff", "admin", "buyer"}, Buyer},
		"number":             {"roles", 7, Buyer},
		"array of numbers":   {"roles", []int{7}, Buyer},
		"path":               {"roles.office", map[string]any{"office": []string{"boss"}}, Buyer | Admin},
		"path into a text":   {"roles.office", "boss", Buyer},
		"path that is off":   {"roles.other.more", map[string]any{"office": "boss"}, Buyer},
		"the end is a group": {"roles.office", map[string]any{"office": map[string]any{"boss": "x"}}, Buyer},
	} {
		f := newFixture(t, keys.URL, func(o *ProviderOptions) { o.RolesClaim, o.StaffRole, o.AdminRole = c.claim, "door", "boss" })
		who, err := f.Token(t.Context(), rs.sign(t, goodClaims(set("roles", c.value), set("name", "Alice \u738b\n"))))
		if err != nil || who.Roles != c.want || who.Name != "Alice \u738b" {
			t.Errorf("%s: %v of %q, %v; want %v", name, who.Roles, who.Name, err, c.want)
		}
	}
	const claim = "https://shop.example/roles"
	f := newFixture(t, keys.URL, func(o *ProviderOptions) { o.RolesClaim = claim })
	if who, err := f.Token(t.Context(), rs.sign(t, goodClaims(set(claim, "admin")))); err != nil || who.Roles != Buyer|Admin {
		t.Errorf("a claim with dots in its name: %v, %v", who.Roles, err)
	}
	f = newFixture(t, keys.URL, func(o *ProviderOptions) { o.RolesClaim = "role" })
	if who, err := f.Token(t.Context(), rs.sign(t, goodClaims(set("role", []string{"staff"})))); err != nil || who.Roles != Buyer|Staff {
		t.Errorf("the claim role: %v, %v", who.Roles, err)
	}
}

// A provider whose bearer tokens are not wanted signs people in, and no more.
func TestNoAudienceIsNoBearerToken(t *testing.T) {
	rs := newSigner(t, "rs", jwt.SigningMethodRS256)
	keys := newKeyServer(t, rs)
	f := newFixture(t, keys.URL, func(o *ProviderOptions) { o.Audience = "" })
	for _, audience := range []any{"", testAudience, []string{""}} {
		if who, err := f.Token(t.Context(), rs.sign(t, goodClaims(set("aud", audience)))); err == nil {
			t.Errorf("%v: %+v", audience, who)
		}
	}
	if n := keys.asked(); n != 0 {
		t.Errorf("the keys were read %d times for nothing", n)
	}
}

func TestKeysFromAFile(t *testing.T) {
	first, second := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
	file := filepath.Join(t.TempDir(), "keys.json")
	write := func(text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(publish(t, first))
	f := newFixture(t, file)
	if _, err := f.Token(t.Context(), first.sign(t, goodClaims())); err != nil {
		t.Error(err)
	}
	write(publish(t, second))
	if _, err := f.Token(t.Context(), second.sign(t, goodClaims())); err != nil {
		t.Errorf("after the file was replaced: %v", err)
	}
	if _, err := f.Token(t.Context(), first.sign(t, goodClaims())); err == nil {
		t.Error("a key that is gone from the file is good")
	}
	quiet := slog.New(slog.DiscardHandler)
	for name, text := range map[string]string{"empty": "", "no key": `{"keys":[]}`, "no JSON": "-----BEGIN PUBLIC KEY-----"} {
		write([]byte(text))
		if _, err := NewProvider(ProviderOptions{Keys: file, Now: testNow, Log: quiet}); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := NewProvider(ProviderOptions{Keys: filepath.Join(t.TempDir(), "none"), Now: testNow, Log: quiet}); err == nil {
		t.Error("a file that is not there was taken")
	}
}
