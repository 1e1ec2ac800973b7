package api

import (
	"strings"
	"time"

	"boxoffice/stock"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
)

// The roles of a token. They are apart on purpose: who runs screenings does not buy, and the other way round.
const (
	roleBuyer = "buyer"
	roleAdmin = "admin"
)

const (
	tokenBytesMax   = 4096
	subjectBytesMax = stock.BuyerIDMax
	tokenLeeway     = 30 * time.Second // between the clocks of who made the token and ours
)

// claims is what a token must say: exp and sub by RFC 7519, and one role.
type claims struct {
	Role string `json:"role"`
	jwt.RegisteredClaims
}

// timeClaimMax is the last second of the year 9999: a time of a token beyond it is none.
const timeClaimMax = 253402300799

// UnmarshalJSON reads claims by their exact names, each at most once, and times that are times: what the token's library
// makes of others depends on its arithmetic.
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

// Validate is called by the parser after the standard claims.
func (c claims) Validate() error {
	if !validSubject(c.Subject) {
		return jwt.ErrTokenInvalidSubject
	}
	if c.Role != roleBuyer && c.Role != roleAdmin {
		return jwt.ErrTokenInvalidClaims
	}
	return nil
}

// newTokenParser pins what RFC 8725 asks to pin: the algorithm is ours to choose, never the token's.
func newTokenParser(now func() time.Time) *jwt.Parser {
	return jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(tokenLeeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding())
}

// allow lets only callers with the role through, and hands the handler who calls.
func (o *office) allow(role string, handle func(c echo.Context, caller string) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		now := o.Now()
		who, err := o.authenticate(c, now)
		if err != nil {
			return err
		}
		if who.Role != role {
			return refusal{kind: forbidden, detail: "This call needs the role " + role + "."}
		}
		if !o.buyers.take(who.Subject, now) {
			return refusal{kind: rateLimited}
		}
		return handle(c, who.Subject)
	}
}

// authenticate reads the bearer token. It says in WWW-Authenticate whether one was missing or refused (RFC 6750), and
// not why: that would help only who forges.
func (o *office) authenticate(c echo.Context, now time.Time) (claims, error) {
	values := c.Request().Header[echo.HeaderAuthorization]
	if len(values) == 0 {
		return claims{}, refusal{kind: unauthorized}
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if len(values) == 1 && found && strings.EqualFold(scheme, "Bearer") && len(token) <= tokenBytesMax {
		if who, known := o.known.find(token, now); known {
			return who, nil
		}
		var who claims
		if _, err := o.tokens.ParseWithClaims(token, &who, o.tokenKey); err == nil {
			o.known.keep(token, who)
			return who, nil
		}
	}
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="boxoffice", error="invalid_token"`)
	return claims{}, refusal{kind: unauthorized, detail: "The bearer token is not valid, or not valid any more."}
}

// tokenKey refuses a token that says that something of it must be understood (RFC 7515, 4.1.11): here nothing is.
func (o *office) tokenKey(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical {
		return nil, jwt.ErrTokenUnverifiable
	}
	return o.JWTSecret, nil
}

// validSubject bounds a buyer's id to what every database column and log line holds. A space at either end is refused:
// people, and some databases, take such an id for the one without it.
func validSubject(s string) bool {
	return s != "" && len(s) <= subjectBytesMax && printableASCII(s) && s == strings.Trim(s, " ")
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
