package tickets

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"testing"
)

// FuzzCode: a code is good only in the one spelling that was signed, and what is signed is read as it was meant or not at all.
func FuzzCode(f *testing.F) {
	keys, err := ParseKeys([]string{testSeed(1), testSeed(2)})
	if err != nil {
		f.Fatal(err)
	}
	good := keys.sign(seat{testOrderID, testScreeningID, 2})
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, raw[:len(raw)-ed25519.SignatureSize])
	f.Add(good[:len(good)-1]+"B", []byte{codeVersion, 1, 1, 'a', 1, 'b'})
	f.Add("====", []byte{codeVersion, 0x80, 0x80, 4, 64})
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, code string, payload []byte) {
		if s, err := keys.verify(code); err == nil && code != good {
			t.Errorf("%q says %+v", code, s)
		} else if err != nil && !errors.Is(err, ErrCodeInvalid) {
			t.Error(err)
		}
		signed := base64.RawURLEncoding.EncodeToString(append(payload[:len(payload):len(payload)], ed25519.Sign(keys.signing, payload)...))
		s, err := keys.verify(signed)
		if err != nil {
			if !errors.Is(err, ErrCodeInvalid) {
				t.Error(err)
			}
			return
		}
		if s.number < 1 || s.number > seatMax || len(s.orderID) > textBytesMax || len(s.screeningID) > textBytesMax {
			t.Errorf("payload %x says %+v", payload, s)
		}
		if again, err := keys.verify(keys.sign(s)); err != nil || again != s {
			t.Errorf("%+v, signed and read: %+v, %v", s, again, err)
		}
	})
}
