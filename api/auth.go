package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/audit"
	"boxoffice/identity"
)

// The roles that routes ask for.
const (
	roleBuyer = identity.Buyer
	roleStaff = identity.Staff
	roleAdmin = identity.Admin
	anyRole   = roleBuyer | roleStaff | roleAdmin
)

// caller is who calls, and by what that is known.
type caller struct {
	identity.Caller
	byCookie bool
}

// requireRole lets only callers with one of these roles through, within their rate limit, and passes the caller's id to the
// handler.
func (h *handler) requireRole(roles identity.Roles, handle func(c echo.Context, caller string) error) echo.HandlerFunc {
	return h.requireCaller(roles, func(c echo.Context, who caller) error { return handle(c, who.Subject) })
}

// requireCaller is requireRole for a handler that wants to know more of the caller.
func (h *handler) requireCaller(roles identity.Roles, handle func(c echo.Context, who caller) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, err := h.authenticate(c)
		if err != nil {
			return err
		}
		if !who.Roles.HasAny(roles) {
			return problemError{kind: forbidden, detail: "This call needs the role " + roles.String() + "."}
		}
		if !h.buyerRates.allow(who.Subject, h.Wall()) {
			return problemError{kind: rateLimited}
		}
		if acts := !roles.HasAny(roleBuyer) && c.Request().Method != http.MethodGet; acts {
			h.setOperator(c, who)
			if err := handle(c, who); err != nil {
				return err
			}
			h.logAct(c, who)
			return nil
		}
		return handle(c, who)
	}
}

// setOperator says who an operator is for people, and which process is asked: by an identity provider the id alone tells nobody.
func (h *handler) setOperator(c echo.Context, who caller) {
	act := audit.Act{Process: h.Process}
	if who.Name != who.Subject {
		act.Name = who.Name
	}
	c.Set(operatorKey, act)
}

// logAct logs what an operator has done, to what.
func (h *handler) logAct(c echo.Context, operator caller) {
	subject := c.Param("id")
	if named, ok := c.Get(loggedSubject).(string); ok {
		subject = named
	}
	if subject == "" { // it was made
		subject = c.Response().Header().Get(echo.HeaderLocation)
	}
	log := h.Log
	if operator.Name != operator.Subject {
		log = log.With("name", operator.Name)
	}
	log.InfoContext(c.Request().Context(), "an operator acted", "operator", operator.Subject, "act", c.Request().Method+" "+c.Path(),
		"subject", subject, "trace_id", trace.SpanContextFromContext(traced(c)).TraceID().String())
}

// authenticate returns who calls: the bearer of the token, and without one the person who has signed in with this browser.
// WWW-Authenticate tells a missing token from an invalid one (RFC 6750), but not why it is invalid, which would help only a
// forger.
func (h *handler) authenticate(c echo.Context) (caller, error) {
	values := c.Request().Header[echo.HeaderAuthorization]
	if len(values) == 0 {
		return h.authenticateBrowser(c)
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if len(values) == 1 && found && strings.EqualFold(scheme, "Bearer") {
		who, err := h.Identity.Token(c.Request().Context(), token)
		if !errors.Is(err, identity.ErrInvalid) {
			return caller{Caller: who}, err
		}
	}
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="boxoffice", error="invalid_token"`)
	return caller{}, problemError{kind: unauthorized, detail: "The bearer token is not valid, or not valid any more."}
}

// authenticateBrowser returns the person who has signed in with a browser.
func (h *handler) authenticateBrowser(c echo.Context) (caller, error) {
	session := h.cookies.get(c, h.cookies.session)
	if session == "" {
		return caller{}, problemError{kind: unauthorized}
	}
	who, err := h.Identity.Session(session)
	if err != nil {
		return caller{}, problemError{kind: unauthorized, detail: "The sign-in is over: sign in again."}
	}
	if !h.cookies.isOwnSite(c) {
		return caller{}, problemError{kind: otherSite}
	}
	return caller{Caller: who, byCookie: true}, nil
}

type meAnswer struct {
	Subject   string   `json:"subject"`
	Name      string   `json:"name"`
	Roles     []string `json:"roles"`
	ExpiresAt string   `json:"expires_at"`
	By        string   `json:"by"`
}

// getMe answers who calls.
func (h *handler) getMe(c echo.Context, who caller) error {
	by := "token"
	if who.byCookie {
		by = "cookie"
	}
	return answer(c, http.StatusOK, meAnswer{
		Subject: who.Subject, Name: who.Name, Roles: who.Roles.Names(), ExpiresAt: formatTime(who.ExpiresAt), By: by,
	})
}
