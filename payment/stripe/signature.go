package stripe

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"boxoffice/payment"
)

const (
	signatureHeader   = "Stripe-Signature"
	signatureBytesMax = 2048 // of the header; Stripe sends some 200, and 70 more for each secret while one is replaced
)

// verifier opens callbacks that are signed with any of several secrets, for events of live money or for those of tests.
type verifier struct {
	secrets []string
	live    bool
	now     func() time.Time
}

// open returns the event of a callback, or ErrForged, or a BadCallback. Stripe's library checks the signature; the
// time is checked here, because the library's clock is the machine's and it takes a time in the future.
func (v *verifier) open(header http.Header, body []byte) (stripego.Event, error) {
	given := header[signatureHeader]
	if len(given) != 1 || len(given[0]) > signatureBytesMax {
		return stripego.Event{}, payment.ErrForged
	}
	now := v.now()
	sent, ok := signedAt(given[0])
	if !ok || sent.Before(now.Add(-webhook.DefaultTolerance)) || sent.After(now.Add(webhook.DefaultTolerance)) {
		return stripego.Event{}, payment.ErrForged
	}
	if !slices.ContainsFunc(v.secrets, func(secret string) bool {
		return webhook.ValidatePayloadIgnoringTolerance(body, given[0], secret) == nil
	}) {
		return stripego.Event{}, payment.ErrForged
	}
	var e stripego.Event
	exact, err := exactNames(body)
	if err == nil {
		err = json.Unmarshal(exact, &e)
	}
	switch {
	case err != nil:
		return stripego.Event{}, payment.BadCallback{Detail: "The body is not an event of Stripe's."}
	case e.Livemode != v.live: // signed for an endpoint of the other mode: no money, or none that this key can see
		return stripego.Event{}, payment.ErrForged
	}
	return e, nil
}

// signedAt returns the time in a signature header, which must be there exactly once and written in one way.
func signedAt(header string) (time.Time, bool) {
	var times []string
	for part := range strings.SplitSeq(header, ",") {
		if text, isTime := strings.CutPrefix(part, "t="); isTime {
			times = append(times, text)
		}
	}
	if len(times) != 1 {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(times[0], 10, 64)
	return time.Unix(seconds, 0), err == nil && strconv.FormatInt(seconds, 10) == times[0]
}
