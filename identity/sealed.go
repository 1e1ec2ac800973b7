package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// seal signs what a browser keeps for the office. Each purpose has a key of its own, made of the office's secret, and a type:
// what is signed for one is nothing for another, and none of it is a bearer token, nor a bearer token any of it.
type seal struct {
	kind   string
	key    []byte
	parser *jwt.Parser
}

const sealKeyBytes = 32

func newSeal(secret []byte, purpose string, now func() time.Time) (seal, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "boxoffice "+purpose, sealKeyBytes)
	if err != nil {
		return seal{}, fmt.Errorf("derive key: %w", err)
	}
	return seal{kind: "boxoffice-" + purpose + "+jwt", key: key, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now), jwt.WithStrictDecoding())}, nil
}

// close signs a content.
func (s seal) close(content jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, content)
	token.Header["typ"] = s.kind
	text, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", s.kind, err)
	}
	return text, nil
}

// open reads what close has signed, until it expires.
func (s seal) open(text string, content jwt.Claims) error {
	_, err := s.parser.ParseWithClaims(text, content, func(token *jwt.Token) (any, error) {
		if token.Header["typ"] != s.kind {
			return nil, jwt.ErrTokenUnverifiable
		}
		return s.key, nil
	})
	return err
}
