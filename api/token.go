package api

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"boxoffice/stock"
)

// The roles of a token. None includes another on purpose: who runs screenings does not buy.
const (
	roleBuyer = "buyer"
	roleAdmin = "admin"
	roleStaff = "staff" // lets people in
)

func isRole(text string) bool { return text == roleBuyer || text == roleAdmin || text == roleStaff }

const (
	tokenBytesMax   = 4096
	subjectBytesMax = stock.BuyerIDMax
	tokenLeeway     = 30 * time.Second // of difference between the clocks of the token's issuer and of this machine
	timeClaimMax    = 253402300799     // the last second of the year 9999

	cachedTokens        = 1 << 14
	cachedTokenBytesMax = 1 << 10
)

// claims is what a token says of its bearer: exp and sub of RFC 7519, and one role.
type claims struct {
	Role string `json:"role"`
	jwt.RegisteredClaims
}

// UnmarshalJSON decodes claims more strictly than the token library does: exact names, each at most once, and no time
// before 1970 or after 9999, with which the library's arithmetic overflows.
func (c *claims) UnmarshalJSON(raw []byte) error {
	var form struct {
		Role      string   `json:"role"`
		Subject   string   `json:"sub"`
		ExpiresAt *float64 `json:"exp"`
		NotBefore *float64 `json:"nbf"`
		IssuedAt  *float64 `json:"iat"`
	}
	if err := json.Unmarshal(raw, &form); err != nil {
		return err
	}
	c.Role, c.Subject = form.Role, form.Subject
	for _, claim := range []struct {
		given *float64
		into  **jwt.NumericDate
	}{{form.ExpiresAt, &c.ExpiresAt}, {form.NotBefore, &c.NotBefore}, {form.IssuedAt, &c.IssuedAt}} {
		if claim.given == nil {
			continue
		}
		if *claim.given < 0 || *claim.given > timeClaimMax {
			return jwt.ErrTokenInvalidClaims
		}
		*claim.into = jwt.NewNumericDate(time.UnixMilli(int64(*claim.given * 1000)))
	}
	return nil
}

// Validate checks the claims that are this office's own; the parser calls it after it has checked the registered ones.
func (c claims) Validate() error {
	if !validSubject(c.Subject) {
		return jwt.ErrTokenInvalidSubject
	}
	if !isRole(c.Role) {
		return jwt.ErrTokenInvalidClaims
	}
	return nil
}

// SignToken makes a token that is valid until a time. It fails with jwt.ErrTokenInvalidSubject for a subject that no buyer
// can be, and with jwt.ErrTokenInvalidClaims for an unknown role.
func SignToken(secret []byte, subject, role string, expires time.Time) (string, error) {
	c := claims{
		Role:             role,
		RegisteredClaims: jwt.RegisteredClaims{Subject: subject, ExpiresAt: jwt.NewNumericDate(expires)},
	}
	if err := c.Validate(); err != nil {
		return "", err
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// validSubject tells whether s can be a buyer's id, which every database column and log line must hold. It has no space at
// either end: people, and some databases, take such an id for the one without it.
func validSubject(s string) bool {
	return s != "" && len(s) <= subjectBytesMax && printableASCII(s) && s == strings.Trim(s, " ")
}

// newTokenParser returns the verifier of tokens. It pins the algorithm, as RFC 8725 section 3.1 asks: a token does not get
// to choose it.
func newTokenParser(now func() time.Time) *jwt.Parser {
	return jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(tokenLeeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding())
}

// tokenCache remembers verified tokens: a buyer sends the same one with every request, and verifying it costs more than
// all else that the API does for one.
//
// It is bounded without eviction by age. Each slot holds one token, and slots come in pairs: a new token takes its slot,
// the one before moves to the other slot of the pair, and the one there is forgotten. With single slots, two busy buyers
// whose tokens hash to the same one would have every request verified. The seed is random, so that nobody can choose a
// token for a slot.
type tokenCache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[cachedToken]
}

type cachedToken struct {
	text  string
	who   claims
	until time.Time
}

func newTokenCache() *tokenCache {
	return &tokenCache{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[cachedToken], cachedTokens)}
}

// pair returns a token's slot and the other one of its pair.
func (m *tokenCache) pair(text string) [2]*atomic.Pointer[cachedToken] {
	i := maphash.String(m.seed, text) % cachedTokens
	return [2]*atomic.Pointer[cachedToken]{&m.slots[i], &m.slots[i^1]}
}

// find returns the claims of a token that was verified before and has not expired since.
func (m *tokenCache) find(text string, now time.Time) (claims, bool) {
	for _, slot := range m.pair(text) {
		if cached := slot.Load(); cached != nil && cached.text == text {
			return cached.who, now.Before(cached.until)
		}
	}
	return claims{}, false
}

// add remembers a token that has just been verified.
func (m *tokenCache) add(text string, who claims) {
	if len(text) > cachedTokenBytesMax {
		return
	}
	pair := m.pair(text)
	before := pair[0].Swap(&cachedToken{text: text, who: who, until: who.ExpiresAt.Add(tokenLeeway)})
	if before != nil && before.text != text {
		pair[1].Store(before)
	}
}
