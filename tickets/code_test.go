package tickets

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A code is short enough for a QR code that a bad camera reads, and says what it was made of.
func TestCodeSaysItsSeat(t *testing.T) {
	keys := testKeys(t, 1)
	s := seat{testOrderID, testScreeningID, 2}
	code := keys.sign(s)
	if len(code) != 134 || code != keys.sign(s) {
		t.Errorf("code %s has %d characters, or differs from time to time", code, len(code))
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringMatching(`[0-9a-v]{26}`), rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`))
		want := seat{id.Draw(t, "order"), id.Draw(t, "screening"), rapid.IntRange(1, 100).Draw(t, "number")}
		code := keys.sign(want)
		if got, err := keys.verify(code); err != nil || got != want || len(code) > codeMax {
			t.Fatalf("%d characters say %+v, %v; want %+v", len(code), got, err, want)
		}
	})
}

// Whatever is changed in a code, it is no code: each bit, each character, a shorter and a longer one.
func TestForgedCodesAreInvalid(t *testing.T) {
	keys := testKeys(t, 1)
	code := keys.sign(seat{testOrderID, testScreeningID, 1})
	raw, err := base64.RawURLEncoding.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(forged string) {
		t.Helper()
		if s, err := keys.verify(forged); !errors.Is(err, ErrCodeInvalid) {
			t.Errorf("%q says %+v, %v", forged, s, err)
		}
	}
	for bit := range 8 * len(raw) {
		forged := append([]byte(nil), raw...)
		forged[bit/8] ^= 1 << (bit % 8)
		refused(base64.RawURLEncoding.EncodeToString(forged))
	}
	for i := range code {
		for _, c := range "AQgw-_=\n\r .+/" {
			if byte(c) != code[i] {
				refused(code[:i] + string(c) + code[i+1:])
			}
		}
		refused(code[:i])
		refused(code[:i] + "\n" + code[i:])
	}
	for _, forged := range []string{"", code + "A", code + "=", " " + code, code + code, strings.Repeat("A", 1<<20)} {
		refused(forged)
	}
	refused(testKeys(t, 2).sign(seat{testOrderID, testScreeningID, 1}))
	if _, err := (Keys{}).verify(code); !errors.Is(err, ErrCodeInvalid) {
		t.Errorf("without a key: %v", err)
	}
}

// A printed code stays good while its key is being replaced, and not longer.
func TestKeysAreReplaced(t *testing.T) {
	old, both, renewed := testKeys(t, 1), testKeys(t, 2, 1), testKeys(t, 2)
	s := seat{testOrderID, testScreeningID, 1}
	for what, test := range map[string]struct {
		by   Keys
		code string
		good bool
	}{
		"old code, both keys": {both, old.sign(s), true},
		"new code, both keys": {both, both.sign(s), true},
		"new code, new key":   {renewed, both.sign(s), true},
		"old code, new key":   {renewed, old.sign(s), false},
		"new code, old key":   {old, both.sign(s), false},
	} {
		if _, err := test.by.verify(test.code); (err == nil) != test.good {
			t.Errorf("%s: %v", what, err)
		}
	}
	if public := both.Public(); len(public) != 2 || string(public[0]) != string(renewed.Public()[0]) {
		t.Errorf("public keys %x", public)
	}
	for _, bad := range [][]string{nil, {""}, {"short"}, {testSeed(1)[:40]}, {testSeed(1) + "="}, {testSeed(1), "x"}} {
		if _, err := ParseKeys(bad); err == nil || strings.Contains(err.Error(), testSeed(1)[:20]) {
			t.Errorf("keys %q: %v", bad, err)
		}
	}
}
