package payment

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// attemptsMax is how many attempts an order can have with one provider.
const attemptsMax = 256

// isAttemptID tells whether this is the id of one of an order's attempts with a provider.
func isAttemptID(id, orderID, provider string) bool {
	for n := range attemptsMax {
		if attemptID(orderID, provider, n) == id {
			return true
		}
	}
	return false
}

// attemptID makes the id of an order's nth attempt with a provider: always the same, so that two calls at once make one
// attempt, of characters that every provider takes as a merchant's number.
func attemptID(orderID, provider string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", orderID, provider, n))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}
