package identity

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// sessionContent is what the cookie of a signed-in browser holds: all that there is to know of the session, so that any
// process reads it.
type sessionContent struct {
	Name  string   `json:"name"`
	Email string   `json:"email,omitempty"`
	Roles []string `json:"roles"`
	jwt.RegisteredClaims
}

// sessions makes and reads the sessions of those who have signed in. What a session says stands until it ends.
type sessions struct {
	seal seal
	life time.Duration
	now  func() time.Time
}

// begin makes the session of a caller who has just signed in.
func (s sessions) begin(who Caller) (text string, expires time.Time, err error) {
	expires = s.now().Add(s.life).Truncate(time.Second)
	text, err = s.seal.close(sessionContent{
		Name: who.Name, Email: who.Email, Roles: who.Roles.Names(),
		RegisteredClaims: jwt.RegisteredClaims{Subject: who.Subject, ExpiresAt: jwt.NewNumericDate(expires)},
	})
	return text, expires, err
}

// read verifies a session.
func (s sessions) read(text string) (Caller, error) {
	var content sessionContent
	if err := s.seal.open(text, &content); err != nil {
		return Caller{}, err
	}
	return Caller{
		Subject: content.Subject, Name: content.Name, Email: content.Email, Roles: parseRoles(content.Roles), ExpiresAt: content.ExpiresAt.Time,
	}, nil
}
