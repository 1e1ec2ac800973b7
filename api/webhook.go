package api

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

	"boxoffice/order"
)

// The headers of Standard Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks).
const (
	headerWebhookID        = "Webhook-Id"
	headerWebhookTimestamp = "Webhook-Timestamp"
	headerWebhookSignature = "Webhook-Signature"
)

const (
	webhookSecretPrefix  = "whsec_"
	webhookSecretMin     = 24 // bytes; the specification asks for 24 to 64
	webhookSecretMax     = 64
	webhookTolerance     = 5 * time.Minute
	webhookSignaturesMax = 8 // a sender that rotates its secret sends two
)

// webhookVerifier verifies the signatures of payment callbacks, which may be made with any of several secrets.
//
// The specification's own Go library is used in the tests only, as an independent signer and verifier. Its clock is the
// machine's and cannot be passed in; and apart from the time, it takes a header that is there twice, a timestamp like
// +1795000000, any number of signatures, and "v1,signature,more". So the checks below would stay, and what it could
// replace, the HMAC and the comparison, took one and a half times the processor time with it: it copies the body, and
// makes an error for each secret that does not match.
type webhookVerifier struct {
	secrets [][]byte
	now     func() time.Time
}

func newWebhookVerifier(secrets []string, now func() time.Time) (*webhookVerifier, error) {
	v := &webhookVerifier{now: now}
	for i, text := range secrets {
		secret, err := decodeWebhookSecret(text)
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

// CheckWebhookSecret tells the configuration what is wrong with a secret. Its error does not contain the secret.
func CheckWebhookSecret(text string) error {
	_, err := decodeWebhookSecret(text)
	return err
}

// decodeWebhookSecret returns the key bytes of a secret. Its error does not contain the secret, because errors are logged.
func decodeWebhookSecret(text string) ([]byte, error) {
	encoded, found := strings.CutPrefix(text, webhookSecretPrefix)
	if !found {
		return nil, errors.New("does not begin with " + webhookSecretPrefix)
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("is not base64 after " + webhookSecretPrefix)
	}
	if len(secret) < webhookSecretMin || len(secret) > webhookSecretMax {
		return nil, fmt.Errorf("has %d bytes, not %d to %d", len(secret), webhookSecretMin, webhookSecretMax)
	}
	return secret, nil
}

// verify tells whether the headers sign this body with one of the secrets, at a time within the tolerance of now. Every
// signature is compared with that of every secret, in constant time: how long it takes says nothing about either.
func (v *webhookVerifier) verify(header http.Header, body []byte) bool {
	id, okID := single(header, headerWebhookID)
	timestamp, okTimestamp := single(header, headerWebhookTimestamp)
	signatures, okSignatures := single(header, headerWebhookSignature)
	if !okID || !okTimestamp || !okSignatures || !order.IsVisibleASCII(id, order.IDMax) {
		return false
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return false
	}
	now := v.now()
	if sent := time.Unix(seconds, 0); sent.Before(now.Add(-webhookTolerance)) || sent.After(now.Add(webhookTolerance)) {
		return false
	}
	given := strings.Split(signatures, " ")
	if len(given) > webhookSignaturesMax {
		return false
	}
	matched := false
	for _, secret := range v.secrets {
		want := []byte(signWebhook(secret, id, timestamp, body))
		for _, signature := range given {
			if hmac.Equal([]byte(signature), want) {
				matched = true
			}
		}
	}
	return matched
}

// signWebhook makes a signature of version 1: HMAC-SHA256 over "id.timestamp.body".
func signWebhook(secret []byte, id, timestamp string, body []byte) string {
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
