package hooksecret

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Both gateways read secrets by rules of their own, which were the same letter for letter until one would be changed.
func TestSecretsAreReadByOneRule(t *testing.T) {
	of := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", n)))
	}
	for text, want := range map[string]string{
		of(24): "", of(64): "", of(23): "has 23 bytes, not 24 to 64", of(65): "has 65 bytes, not 24 to 64", "": "does not begin with whsec_",
		strings.TrimPrefix(of(32), "whsec_"): "does not begin with whsec_", "whsec_+secret*": "is not base64 after whsec_",
	} {
		secret, err := Decode(text)
		if want == "" && (err != nil || strings.Trim(string(secret), "k") != "" || of(len(secret)) != text) {
			t.Errorf("%q is read as %q, %v", text, secret, err)
		}
		if want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q is read with the error %v, want %s", text, err, want)
		}
	}
}
