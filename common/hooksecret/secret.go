// Package hooksecret reads the secrets of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks), with which
// callbacks of a payment gateway and messages to an SMS gateway are signed.
package hooksecret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	prefix   = "whsec_"
	minBytes = 24 // the specification asks for 24 to 64, and its library takes any
	maxBytes = 64
)

// Decode returns the key bytes of a secret, "whsec_" and base64. Its error does not contain the secret, because errors are logged.
func Decode(text string) ([]byte, error) {
	encoded, found := strings.CutPrefix(text, prefix)
	if !found {
		return nil, errors.New("does not begin with " + prefix)
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("is not base64 after " + prefix)
	}
	if len(secret) < minBytes || len(secret) > maxBytes {
		return nil, fmt.Errorf("has %d bytes, not %d to %d", len(secret), minBytes, maxBytes)
	}
	return secret, nil
}
