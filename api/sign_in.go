package api

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/identity"
)

// The paths of the sign-in at an identity provider.
const (
	signInPath = "/sign-in"

	// SignInCallbackPath is where the identity provider sends people back.
	SignInCallbackPath = signInPath + "/callback"
	// SignOutCallbackPath is where it sends those who have signed out there.
	SignOutCallbackPath = signOutPath + "/callback"
)

// signInHandler has the routes of the sign-in. Its pages are for people: what goes wrong there is told in HTML.
type signInHandler struct {
	*handler
	page    *template.Template
	texts   *pageTexts
	headers fixedHeaders
}

// failedPage is what the page of a failed sign-in is filled with. Nothing that the provider has said is in it.
type failedPage struct {
	Language, Title, Heading, Detail string
	Again, Back                      string // paths
	Modules                          []string
	Text                             func(key string) string
}

// addSignIn registers the route that says how one signs in, and those of the sign-in at an identity provider if there is one.
func (h *handler) addSignIn(add func(method, path string, handle echo.HandlerFunc)) error {
	add(http.MethodGet, "/v1/sign-in", h.listSignInMethods)
	if !h.Identity.SignsIn() {
		return nil
	}
	page, err := template.ParseFS(files, "web/sign-in.html", "web/head.html")
	if err != nil {
		return fmt.Errorf("parse page of sign-in: %w", err)
	}
	texts, err := readPageTexts()
	if err != nil {
		return err
	}
	s := &signInHandler{handler: h, page: page, texts: texts, headers: pageHeaders("", h.cookies.secure)}
	add(http.MethodGet, signInPath, s.begin)
	add(http.MethodGet, SignInCallbackPath, s.finish)
	add(http.MethodPost, signOutPath, s.signOut)
	add(http.MethodGet, SignOutCallbackPath, s.signedOut)
	return nil
}

type signInAnswer struct {
	Methods []string `json:"methods"`
}

// listSignInMethods answers how one signs in here, the best way first.
func (h *handler) listSignInMethods(c echo.Context) error {
	var methods []string
	if h.Identity.SignsIn() {
		methods = append(methods, "oidc")
	}
	if h.Demo != nil {
		methods = append(methods, "demo")
	}
	return answer(c, http.StatusOK, signInAnswer{Methods: append(methods, "token")})
}

// begin sends a browser to the identity provider, from which it comes back to finish.
func (s *signInHandler) begin(c echo.Context) error {
	s.headers.set(c)
	returnPath := c.QueryParam("return")
	address, flow, err := s.Identity.BeginSignIn(traced(c), returnPath, providerLanguages(s.texts.languageOf(c.Request())))
	if err != nil {
		return s.tell(c, err, returnPath)
	}
	s.keepFlows(c, identity.KeepFlow(s.cookies.get(c, s.cookies.flow), flow))
	return c.Redirect(http.StatusSeeOther, address)
}

// providerLanguages are the languages that the provider is asked to speak: the page's own, as providers name it.
func providerLanguages(language string) string {
	if page := htmlLanguage(language); page != language {
		return page + " " + language
	}
	return language
}

// keepFlows keeps the sign-ins that a browser has begun: there may be one in each of its tabs. It keeps them for longer than they
// may take, so that whoever took too long is told so.
func (s *signInHandler) keepFlows(c echo.Context, flows string) {
	life := 0
	if flows != "" {
		life = int(2 * identity.FlowLife / time.Second)
	}
	s.cookies.set(c, s.cookies.flow, flows, life)
}

// finish signs in the person whom the identity provider has sent back. What the browser has kept for it is used up, however
// it ends. Whoever comes back once more, by the button Back or by a reload, and is signed in goes on.
func (s *signInHandler) finish(c echo.Context) error {
	s.headers.set(c)
	signedIn, err := s.Identity.FinishSignIn(traced(c), clientNetwork(c.RealIP()), s.cookies.get(c, s.cookies.flow), c.QueryParams())
	s.keepFlows(c, signedIn.Flows)
	if identity.IsFinished(err) && s.isSignedIn(c) {
		return c.Redirect(http.StatusSeeOther, signedIn.Return)
	}
	if err != nil {
		return s.tell(c, err, signedIn.Return)
	}
	life := int(signedIn.ExpiresAt.Sub(s.Wall()) / time.Second)
	s.cookies.set(c, s.cookies.session, signedIn.Session, life)
	s.cookies.set(c, s.cookies.idToken, signedIn.IDToken, life)
	return c.Redirect(http.StatusSeeOther, signedIn.Return)
}

func (s *signInHandler) isSignedIn(c echo.Context) bool {
	_, err := s.Identity.Session(s.cookies.get(c, s.cookies.session))
	return err == nil
}

// tell shows a person what went wrong, in the language of the other pages, with a way to try again and one back, and returns the
// error for the log.
func (s *signInHandler) tell(c echo.Context, failed error, returnPath string) error {
	row, _ := s.problems.find(failed)
	row.setHeaders(c.Response().Header())
	c.Response().Header().Set(echo.HeaderVary, pageVary)
	language := s.texts.languageOf(c.Request())
	words := s.texts.problem(row, language)
	var page bytes.Buffer
	if err := s.page.Execute(&page, failedPage{
		Language: htmlLanguage(language), Title: words.Title + " - boxoffice", Heading: words.Title, Detail: words.Detail,
		Again: signInPath + "?" + url.Values{"return": {returnPath}}.Encode(), Back: identity.LocalPath(returnPath),
		Text: func(key string) string { return s.texts.text(language, key) },
	}); err != nil {
		return fmt.Errorf("render page of sign-in: %w", err)
	}
	if err := c.HTMLBlob(row.status, page.Bytes()); err != nil {
		s.Log.DebugContext(traced(c), "write page", "error", err)
	}
	return failed
}

// signOutAnswer tells where the browser ends its session at the identity provider.
type signOutAnswer struct {
	ProviderURL string `json:"provider_url"`
}

// signOut ends the sign-in of a browser, if it has one. The session here is over with this answer, whatever the browser does
// next and whether or not the provider is there; if that can end its own, the answer says where.
func (s *signInHandler) signOut(c echo.Context) error {
	if !s.cookies.isOwnSite(c) {
		return problemError{kind: otherSite}
	}
	signedIn, idToken := s.cookies.get(c, s.cookies.session) != "", s.cookies.get(c, s.cookies.idToken)
	s.cookies.set(c, s.cookies.session, "", 0)
	s.cookies.set(c, s.cookies.idToken, "", 0)
	if signedIn {
		if address := s.Identity.EndSession(idToken, c.QueryParam("return")); address != "" {
			return answer(c, http.StatusOK, signOutAnswer{address})
		}
	}
	return c.NoContent(http.StatusNoContent)
}

// signedOut sends on a browser that the provider has sent back after it has ended its session there.
func (s *signInHandler) signedOut(c echo.Context) error {
	s.headers.set(c)
	return c.Redirect(http.StatusSeeOther, identity.LocalPath(c.QueryParam("state")))
}
