package payment

import "time"

// AskTimeout bounds all questions before one list of orders is cancelled.
const AskTimeout = 15 * time.Second

const (
	firstAskPause    = 10 * time.Second // after an attempt has opened; doubles with each answer that it is still open
	lastAskPause     = 5 * time.Minute
	overdueAskPause  = time.Hour       // of an attempt that is still not final giveUpAfter its order's deadline
	firstRefundPause = 5 * time.Second // after a refund that got no answer; doubles with each
	lastRefundPause  = time.Hour
	firstSearchPause = time.Minute // after a restored order was asked for in vain; doubles with each time
	lastSearchPause  = 12 * time.Hour
	searchPassPause  = 2 * time.Second // between two passes over restored orders, each with up to searchMax of them

	callTimeout = 10 * time.Second // of one call of a provider
	claimLease  = 30 * time.Second // what a worker that died had claimed rests no longer; longer than all calls of one claim
	giveUpAfter = 72 * time.Hour   // without an answer for it, an attempt of a final order; money that comes then goes back

	// giveUpRefusedAfter is how long an attempt of a final order is asked for whose provider refuses to say anything: that ends
	// when a person has mended a key or a permission, and the doctor names it until then.
	giveUpRefusedAfter = 30 * 24 * time.Hour

	unansweredAfter = 2 * time.Hour // after which the doctor names a payment of which nothing is known; longer than the longest pause
)

// askPause is the pause before an attempt that was asked for tries times is asked for again.
func askPause(tries int) time.Duration {
	return min(firstAskPause<<min(tries, 10), lastAskPause)
}

// refundPause is the pause before a refund is tried or asked for again that was tries times.
func refundPause(tries int) time.Duration {
	return min(firstRefundPause<<min(tries, 12), lastRefundPause)
}

// searchPause is the pause before a restored order is asked for again that was tries times.
func searchPause(tries int) time.Duration {
	return min(firstSearchPause<<min(tries, 12), lastSearchPause)
}
