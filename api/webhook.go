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
	webhookSignaturesMax = 8 // a sender changing its secret sends two
)

// webhookVerifier checks signatures against each of the secrets. The specification's own Go library reads the machine's
// clock, and here time is passed in; the tests hold this against signatures which that library makes.
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

// CheckWebhookSecret refuses a secret that no webhook can be verified by. It never puts the secret into its error.
func CheckWebhookSecret(text string) error {
	_, err := decodeWebhookSecret(text)
	return err
}

// decodeWebhookSecret never puts the secret into its error.
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

// verify reports whether one of the secrets signed these bytes, with this id, within the tolerance of now. Every
// comparison takes the same time whatever the signature.
func (v *webhookVerifier) verify(header http.Header, body []byte) bool {
	id, okID := single(header, headerWebhookID)
	timestamp, okTimestamp := single(header, headerWebhookTimestamp)
	signatures, okSignatures := single(header, headerWebhookSignature)
	if !okID || !okTimestamp || !okSignatures || !visibleText(id, order.IDMax) {
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

// signWebhook makes a version 1 signature: HMAC-SHA256 over id.timestamp.body.
func signWebhook(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// single returns a header that must be there once.
func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
