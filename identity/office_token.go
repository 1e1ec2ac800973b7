package identity

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/common/idform"
)

// Why a token cannot be made.
var (
	ErrInvalidSubject = errors.New("a subject has 1 to 128 printable ASCII characters, without a space at either end")
	ErrInvalidRole    = errors.New("a role is buyer, staff or admin")
)

// SignToken makes a bearer token of the office that is valid until a time. It fails with ErrInvalidSubject for a subject that
// no caller can be, and with ErrInvalidRole for an unknown role.
func SignToken(secret []byte, subject, role string, expires time.Time) (string, error) {
	if !idform.IsUserID(subject) {
		return "", ErrInvalidSubject
	}
	if _, known := ParseRole(role); !known {
		return "", ErrInvalidRole
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": subject, "role": role, "exp": jwt.NewNumericDate(expires),
	}).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// officeTokens verifies the tokens that are signed with the office's secret.
type officeTokens struct {
	secret []byte
	parser *jwt.Parser
}

func newOfficeTokens(secret []byte, now func() time.Time) officeTokens {
	return officeTokens{secret: secret, parser: newParser(now, []string{jwt.SigningMethodHS256.Alg()})}
}

// read verifies a token.
func (o officeTokens) read(token string) (Caller, error) {
	var said claims
	if _, err := o.parser.ParseWithClaims(token, &said, o.key); err != nil {
		return Caller{}, err
	}
	name, _ := said.role.(string)
	role, known := ParseRole(name)
	if !known {
		return Caller{}, ErrInvalidRole
	}
	return said.caller(role), nil
}

// key returns the key that verifies a token.
func (o officeTokens) key(token *jwt.Token) (any, error) { return o.secret, refuseCritical(token) }
