package stripe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	stripego "github.com/stripe/stripe-go/v82"

	"boxoffice/payment"
)

var (
	errOther        = errors.New("the answer is of another session or refund than was asked for")
	errUnreadable   = errors.New("the answer cannot be read")
	errUnknownState = errors.New("unknown state")
)

// isRefusal tells whether Stripe has refused a call for good and done nothing, in this call and in any other one with
// the same idempotency key: it repeats an answer with the key. That is so for what is wrong with the parameters, and
// neither for what Stripe says of the API key (401 and 403), of its own load or of two calls at once, nor for an
// idempotency key that was used with other parameters, since of that first call nothing is known.
func isRefusal(err error) bool {
	answer, ok := errors.AsType[*stripego.Error](err)
	if !ok || isAskedAgain(answer) {
		return false
	}
	switch answer.Type {
	case stripego.ErrorTypeInvalidRequest, stripego.ErrorTypeCard:
	default:
		return false
	}
	switch answer.Code {
	case stripego.ErrorCodeIdempotencyKeyInUse, stripego.ErrorCodeLockTimeout, stripego.ErrorCodeRateLimit:
		return false
	}
	switch answer.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return true
	default:
		return false
	}
}

// isAskedAgain tells whether Stripe wants to have the same call again.
func isAskedAgain(answer *stripego.Error) bool {
	return answer.LastResponse != nil && answer.LastResponse.Header.Get("Stripe-Should-Retry") == "true"
}

// failed is the error of a call of the library. It quotes only what is needed of the answer: the library would write
// all of it out, with the secrets of payments.
func (a *api) failed(doing string, err error) error {
	answer, ok := errors.AsType[*stripego.Error](err)
	switch {
	case !ok && isTransport(err):
		return fmt.Errorf("%s: %w", doing, err)
	case !ok:
		return fmt.Errorf("%s: %w", doing, errUnreadable)
	case isRefusal(err):
		return fmt.Errorf("%s: %w: %s", doing, payment.ErrRefused, a.describe(answer))
	default:
		return fmt.Errorf("%s: %s", doing, a.describe(answer))
	}
}

// isTransport tells whether an error says what happened on the way. Others of the library quote the answer.
func isTransport(err error) bool {
	_, isURL := errors.AsType[*url.Error](err)
	_, isNet := errors.AsType[net.Error](err)
	_, isTooLong := errors.AsType[*http.MaxBytesError](err)
	return isURL || isNet || isTooLong || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled)
}

// describe says what Stripe has answered, without the API key.
func (a *api) describe(answer *stripego.Error) string {
	safe := func(text string) string { return strings.ReplaceAll(text, a.key, "[API key]") }
	return fmt.Sprintf("Stripe answered %d %.64q %.64q for parameter %.64q: %.300q (request %.64q)", answer.HTTPStatusCode,
		safe(string(answer.Type)), safe(string(answer.Code)), safe(answer.Param), safe(answer.Msg), safe(answer.RequestID))
}
