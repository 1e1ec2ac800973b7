package identity

import "errors"

// How a sign-in fails.
var (
	// ErrSignInStale says that the browser has not begun this sign-in, or too long ago, or has finished it.
	ErrSignInStale = errors.New("the sign-in was not begun by this browser, or too long ago, or is finished")
	// ErrTooManySignIns says that too many sign-ins of one client wait for the identity provider.
	ErrTooManySignIns = errors.New("too many sign-ins of this client wait for the identity provider")
	// ErrSignInRefused says that the identity provider does not sign this person in here.
	ErrSignInRefused = errors.New("the identity provider refuses the sign-in")

	errStateUnknown = errors.New("its state is another")
	errFlowSpent    = errors.New("this sign-in was finished before, or is being finished")
)

// IsFinished tells of a sign-in that has failed whether it may have been finished before: the browser keeps none of its state any
// more, or it was used up. A sign-in that was begun too long ago, or that another provider answers, is none of these.
func IsFinished(failed error) bool {
	return errors.Is(failed, errStateUnknown) || errors.Is(failed, errFlowSpent)
}
