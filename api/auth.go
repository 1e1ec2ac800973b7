package api

import (
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
)

// requireRole lets only callers with a role through, within their rate limit, and passes the caller's id to the handler.
func (h *handler) requireRole(role string, handle func(c echo.Context, caller string) error) echo.HandlerFunc {
	return h.requireOneOf([]string{role}, handle)
}

// requireOneOf is requireRole for callers with any of these roles.
func (h *handler) requireOneOf(roles []string, handle func(c echo.Context, caller string) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		now := h.Now()
		who, err := h.authenticate(c, now)
		if err != nil {
			return err
		}
		if !slices.Contains(roles, who.Role) {
			return problemError{kind: forbidden, detail: "This call needs the role " + strings.Join(roles, " or ") + "."}
		}
		if !h.buyerRates.allow(who.Subject, now) {
			return problemError{kind: rateLimited}
		}
		return handle(c, who.Subject)
	}
}

// authenticate verifies the bearer token of a request. WWW-Authenticate tells a missing token from an invalid one (RFC
// 6750), but not why it is invalid, which would help only a forger.
func (h *handler) authenticate(c echo.Context, now time.Time) (claims, error) {
	values := c.Request().Header[echo.HeaderAuthorization]
	if len(values) == 0 {
		return claims{}, problemError{kind: unauthorized}
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if len(values) == 1 && found && strings.EqualFold(scheme, "Bearer") && len(token) <= tokenBytesMax {
		if who, cached := h.verified.find(token, now); cached {
			return who, nil
		}
		var who claims
		if _, err := h.tokens.ParseWithClaims(token, &who, h.tokenKey); err == nil {
			h.verified.add(token, who)
			return who, nil
		}
	}
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="boxoffice", error="invalid_token"`)
	return claims{}, problemError{kind: unauthorized, detail: "The bearer token is not valid, or not valid any more."}
}

// tokenKey returns the key that verifies a token. It fails for one with the header "crit" (RFC 7515, 4.1.11), which names
// extensions that a verifier must understand: here none is.
func (h *handler) tokenKey(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical {
		return nil, jwt.ErrTokenUnverifiable
	}
	return h.JWTSecret, nil
}
