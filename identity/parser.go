package identity

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Leeway is the difference that is allowed between the clocks of a token's issuer and of this machine.
const Leeway = 30 * time.Second

// newParser returns a verifier of bearer tokens. It pins the algorithms, as RFC 8725 section 3.1 asks: a token does not get to
// choose them.
func newParser(now func() time.Time, algorithms []string, more ...jwt.ParserOption) *jwt.Parser {
	return jwt.NewParser(append(more, jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(now), jwt.WithStrictDecoding())...)
}

// refuseCritical fails for a token with the header "crit" (RFC 7515, 4.1.11), which names extensions that a verifier must
// understand: here none is.
func refuseCritical(token *jwt.Token) error {
	if _, critical := token.Header["crit"]; critical {
		return jwt.ErrTokenUnverifiable
	}
	return nil
}
