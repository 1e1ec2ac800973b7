package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/hooksecret"
	"boxoffice/common/idform"
	"boxoffice/order"
)

// The headers of Standard Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks).
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	tolerance     = 5 * time.Minute
	signaturesMax = 8 // a sender that rotates its secret sends two
)

// Verifier verifies signatures, which may be made with any of several secrets.
//
// The specification's own Go library is used here in the tests only, as an independent signer and verifier. Its clock is the
// machine's and cannot be passed in; and apart from the time, it takes a header that is there twice, a timestamp like
// +1795000000, any number of signatures, and "v1,signature,more". So the checks below would stay, and what it could
// replace, the HMAC and the comparison, took one and a half times the processor time with it: it copies the body, and
// makes an error for each secret that does not match.
type Verifier struct {
	secrets [][]byte
	now     func() time.Time
}

// NewVerifier returns a verifier for these secrets, "whsec_" and base64, of which there is at least one.
func NewVerifier(secrets []string, now func() time.Time) (*Verifier, error) {
	v := &Verifier{now: now}
	for i, text := range secrets {
		secret, err := hooksecret.Decode(text)
		if err != nil {
			return nil, fmt.Errorf("webhook secret %d: %w", i+1, err)
		}
		v.secrets = append(v.secrets, secret)
	}
	if len(v.secrets) == 0 {
		return nil, errors.New("no webhook secret")
	}
	return v, nil
}

// CheckSecret tells the configuration what is wrong with a secret. Its error does not contain the secret.
func CheckSecret(text string) error {
	_, err := hooksecret.Decode(text)
	return err
}

// Verify tells whether the headers sign this body with one of the secrets, at a time within the tolerance of now. Every
// signature is compared with that of every secret, in constant time: how long it takes says nothing about either.
func (v *Verifier) Verify(header http.Header, body []byte) bool {
	id, okID := single(header, HeaderID)
	timestamp, okTimestamp := single(header, HeaderTimestamp)
	signatures, okSignatures := single(header, HeaderSignature)
	if !okID || !okTimestamp || !okSignatures || !idform.IsVisibleASCII(id, order.IDMax) {
		return false
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return false
	}
	now := v.now()
	if sent := time.Unix(seconds, 0); sent.Before(now.Add(-tolerance)) || sent.After(now.Add(tolerance)) {
		return false
	}
	given := strings.Split(signatures, " ")
	if len(given) > signaturesMax {
		return false
	}
	matched := false
	for _, secret := range v.secrets {
		want := []byte(sign(secret, id, timestamp, body))
		for _, signature := range given {
			if hmac.Equal([]byte(signature), want) {
				matched = true
			}
		}
	}
	return matched
}

// Sign adds the headers that sign a message of this id and body with the first of the secrets.
func (v *Verifier) Sign(header http.Header, id string, body []byte) {
	timestamp := strconv.FormatInt(v.now().Unix(), 10)
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, sign(v.secrets[0], id, timestamp, body))
}

// sign makes a signature of version 1: HMAC-SHA256 over "id.timestamp.body".
func sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// single returns the value of a header that must be there exactly once.
func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
