package stripe

import (
	"errors"
	"net/http"
	"strconv"

	stripego "github.com/stripe/stripe-go/v82"
)

// keysMax bounds under how many idempotency keys a call is tried.
const keysMax = 16

// callOnce makes a call that Stripe is to carry out once, under an idempotency key. Stripe repeats its first answer to a key for a
// day, also one that it has failed (a 500): the call could not succeed before the next day. With another key, it is made under the
// next key when such an answer is repeated, which says too that nothing is under way under that key any more. So which key comes
// next is up to Stripe's answers alone, and two calls at once arrive at the same.
func callOnce(key string, anotherKey bool, call func(key string) error) error {
	err := call(key)
	for n := 1; n < keysMax && anotherKey && isRepeatedFailure(err); n++ {
		err = call(key + "-" + strconv.Itoa(n))
	}
	return err
}

// isRepeatedFailure tells whether an error is that of an earlier call, which Stripe has failed.
func isRepeatedFailure(err error) bool {
	answer, ok := errors.AsType[*stripego.Error](err)
	return ok && answer.HTTPStatusCode >= http.StatusInternalServerError && answer.LastResponse != nil &&
		answer.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}
