package identity

import (
	"bytes"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Key and type of a seal each keep what is signed for one purpose from another: neither leans on the other.
func TestSealIsOfOnePurpose(t *testing.T) {
	session, err := newSeal([]byte(testSecret), "session", testNow)
	if err != nil {
		t.Fatal(err)
	}
	flow, err := newSeal([]byte(testSecret), "sign-in", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(session.key, flow.key) || bytes.Contains([]byte(testSecret), session.key) {
		t.Error("two purposes, or the office's tokens, share a key")
	}
	otherKind, otherKey := session, session
	otherKind.kind, otherKey.key = flow.kind, flow.key
	good := jwt.RegisteredClaims{Subject: "alice", ExpiresAt: jwt.NewNumericDate(testNow().Add(time.Minute))}
	for name, c := range map[string]struct {
		by      seal
		content jwt.RegisteredClaims
		opens   bool
	}{
		"its own":          {session, good, true},
		"another type":     {otherKind, good, false},
		"another key":      {otherKey, good, false},
		"of another":       {flow, good, false},
		"expired":          {session, jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(testNow().Add(-time.Second))}, false},
		"without an end":   {session, jwt.RegisteredClaims{Subject: "alice"}, false},
		"the office's own": {seal{kind: session.kind, key: []byte(testSecret)}, good, false},
	} {
		text, err := c.by.close(c.content)
		if err != nil {
			t.Fatal(err)
		}
		var content jwt.RegisteredClaims
		if err := session.open(text, &content); (err == nil) != c.opens {
			t.Errorf("%s: %v", name, err)
		}
	}
}
