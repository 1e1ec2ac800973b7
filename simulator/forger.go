package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// oldAge is the age of a replayed message: longer than any receiver tolerates.
const oldAge = time.Hour

// forgeries are the ways to forge a callback.
type forgeries int

const (
	wrongSignature forgeries = iota // of nobody
	changedEvent                    // under the signature of the true one
	otherSecret                     // signed with a secret that is not the provider's
	oldMessage                      // a true one, sent an hour later
	forgeryKinds
)

// forger makes callbacks that nobody may take.
type forger struct {
	stranger, past *webhook.Verifier
}

// newForger returns a forger who knows the secret only to get past it: by another one, and by its use in the past.
func newForger(secret string, now func() time.Time) (forger, error) {
	sum := sha256.Sum256([]byte("not " + secret))
	stranger, err := webhook.NewVerifier([]string{"whsec_" + base64.StdEncoding.EncodeToString(sum[:])}, now)
	if err != nil {
		return forger{}, err
	}
	past, err := webhook.NewVerifier([]string{secret}, func() time.Time { return now().Add(-oldAge) })
	if err != nil {
		return forger{}, err
	}
	return forger{stranger, past}, nil
}

// forge makes the forged callback besides a true one.
func (f forger) forge(kind forgeries, signer *webhook.Verifier, id string, e webhook.Event) (http.Header, []byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, nil, fmt.Errorf("encode event: %w", err)
	}
	header := http.Header{}
	switch kind {
	case wrongSignature:
		signer.Sign(header, id, body)
		sum := sha256.Sum256(body)
		header.Set(webhook.HeaderSignature, "v1,"+base64.StdEncoding.EncodeToString(sum[:]))
	case changedEvent:
		signer.Sign(header, id, body)
		if body, err = json.Marshal(changed(e)); err != nil {
			return nil, nil, fmt.Errorf("encode changed event: %w", err)
		}
	case otherSecret:
		f.stranger.Sign(header, id+"_other", body)
	default:
		f.past.Sign(header, id+"_old", body)
	}
	return header, body, nil
}

// changed is an event that says something else.
func changed(e webhook.Event) webhook.Event {
	switch e.Type {
	case webhook.PaymentSucceeded:
		e.Data.Amount++
	case webhook.PaymentClosed:
		e.Data.AttemptID += "x"
	case webhook.RefundUpdated:
		if e.Data.State == string(payment.RefundFailed) {
			e.Data.State = string(payment.RefundDone)
		} else {
			e.Data.State = string(payment.RefundFailed)
		}
	}
	return e
}
