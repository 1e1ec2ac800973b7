package identity

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/common/idform"
)

func officeToken(t testing.TB, subject, role string, change ...func(jwt.MapClaims)) string {
	t.Helper()
	body := jwt.MapClaims{"sub": subject, "role": role, "exp": testNow().Add(time.Hour).Unix()}
	for _, apply := range change {
		apply(body)
	}
	return signWith(t, jwt.SigningMethodHS256, []byte(testSecret), body)
}

func signWith(t testing.TB, method jwt.SigningMethod, key any, body jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, body).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rawToken signs what is no map: names that stand twice, and headers that the library would not make.
func rawToken(t testing.TB, header, body string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(body))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// What a token of the office must be, and each way in which one was not. It is the same with a provider beside it.
func TestOfficeTokens(t *testing.T) {
	alone, err := New(Options{Secret: []byte(testSecret), Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := newSigner(t, "rsa", jwt.SigningMethodRS256)
	beside := newFixture(t, newKeyServer(t, rsaKey).URL)
	raw := fmt.Sprintf(`{"sub":"alice","role":"buyer","exp":%d}`, testNow().Add(time.Hour).Unix())
	good := officeToken(t, "alice", "buyer")
	for name, c := range map[string]struct {
		token string
		valid bool
	}{
		"buyer":              {good, true},
		"staff":              {officeToken(t, "alice", "staff"), true},
		"admin":              {officeToken(t, "alice", "admin"), true},
		"garbage":            {"not.a.token", false},
		"empty":              {"", false},
		"too long":           {strings.Repeat("a", TokenBytesMax+1), false},
		"tampered":           {good[:len(good)-4] + "AAAA", false},
		"just expired":       {officeToken(t, "alice", "buyer", set("exp", testNow().Add(-29*time.Second).Unix())), true},
		"expired":            {officeToken(t, "alice", "buyer", set("exp", testNow().Add(-31*time.Second).Unix())), false},
		"no exp":             {officeToken(t, "alice", "buyer", without("exp")), false},
		"not yet":            {officeToken(t, "alice", "buyer", set("nbf", testNow().Add(time.Minute).Unix())), false},
		"nbf beyond time":    {officeToken(t, "alice", "buyer", set("nbf", 1e19)), false},
		"exp beyond time":    {officeToken(t, "alice", "buyer", set("exp", 1e300)), false},
		"negative iat":       {officeToken(t, "alice", "buyer", set("iat", -1)), false},
		"exp as a string":    {officeToken(t, "alice", "buyer", set("exp", "4000000000")), false},
		"crit":               {rawToken(t, `{"alg":"HS256","crit":["b64"],"b64":false}`, raw), false},
		"raw":                {rawToken(t, `{"alg":"HS256"}`, raw), true},
		"two roles":          {rawToken(t, `{"alg":"HS256"}`, strings.Replace(raw, "{", `{"role":"x",`, 1)), false},
		"two of no use":      {rawToken(t, `{"alg":"HS256"}`, strings.Replace(raw, "{", `{"x":{"y":1,"y":2},`, 1)), false},
		"role by case":       {rawToken(t, `{"alg":"HS256"}`, strings.Replace(raw, `"role"`, `"Role"`, 1)), false},
		"no sub":             {officeToken(t, "alice", "buyer", without("sub")), false},
		"empty sub":          {officeToken(t, "", "buyer"), false},
		"sub ends in space":  {officeToken(t, "alice ", "buyer"), false},
		"sub begins in one":  {officeToken(t, " alice", "buyer"), false},
		"sub too long":       {officeToken(t, strings.Repeat("a", idform.UserIDMax+1), "buyer"), false},
		"sub with a newline": {officeToken(t, "alice\n", "buyer"), false},
		"no role":            {officeToken(t, "alice", "buyer", without("role")), false},
		"unknown role":       {officeToken(t, "alice", "root"), false},
		"role in a list":     {officeToken(t, "alice", "buyer", set("role", []string{"buyer"})), false},
		"roles besides":      {officeToken(t, "alice", "buyer", set("roles", []string{"admin"})), true},
		"a provider's, too":  {officeToken(t, "alice", "buyer", set("iss", testIssuer), set("aud", testAudience)), true},
		"wrong secret":       {signWith(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), goodOffice()), false},
		"HS512":              {signWith(t, jwt.SigningMethodHS512, []byte(testSecret), goodOffice()), false},
		"RS256":              {rsaKey.sign(t, goodOffice()), false},
		"alg none":           {signWith(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodOffice()), false},
	} {
		for where, service := range map[string]*Service{"alone": alone, "beside a provider": beside.Service} {
			who, err := service.Token(t.Context(), c.token)
			if (err == nil) != c.valid || !c.valid && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %s: %v", name, where, err)
			}
			if c.valid && (who.Subject != "alice" || len(who.Roles.Names()) != 1 || who.Roles.HasAny(Admin) != (name == "admin")) {
				t.Errorf("%s, %s: %+v", name, where, who)
			}
		}
	}
}

func goodOffice() jwt.MapClaims {
	return jwt.MapClaims{"sub": "alice", "role": "buyer", "exp": testNow().Add(time.Hour).Unix()}
}

func TestSignTokenSignsOnlyWhatIsTaken(t *testing.T) {
	for _, c := range []struct {
		subject, role string
		want          error
	}{{"alice", "staff", nil}, {" alice", "buyer", ErrInvalidSubject}, {"alice", "root", ErrInvalidRole}, {"alice", "", ErrInvalidRole}} {
		text, err := SignToken([]byte(testSecret), c.subject, c.role, testNow().Add(time.Minute))
		if !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if c.want != nil {
			continue
		}
		service, err := New(Options{Secret: []byte(testSecret), Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := service.Token(t.Context(), text); err != nil || who.Roles != Staff || who.Name != "alice" {
			t.Errorf("%+v, %v", who, err)
		}
	}
}

// A token is verified once and remembered. What it says about its end must be asked every time all the same.
func TestRememberedTokenExpires(t *testing.T) {
	f := newFixture(t, newKeyServer(t, newSigner(t, "k", jwt.SigningMethodES256)).URL)
	text := officeToken(t, "alice", "buyer")
	for _, c := range []struct {
		later time.Duration
		valid bool
	}{{0, true}, {0, true}, {time.Hour - time.Second, true}, {Leeway, true}, {2 * time.Second, false}, {-time.Hour, true}} {
		f.clock.advance(c.later)
		if _, err := f.Token(t.Context(), text); (err == nil) != c.valid {
			t.Errorf("%v later: %v", c.later, err)
		}
	}
	if _, err := f.Token(t.Context(), text[:len(text)-2]+"AA"); err == nil {
		t.Error("a token that only resembles it was taken for it")
	}
}
