package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

const (
	// FlowLife is how long a person may take to sign in at the identity provider.
	FlowLife = 10 * time.Minute

	exchangeTimeout = 10 * time.Second
	returnBytesMax  = 512
	errorBytesMax   = 64
)

// SignInOptions are what the sign-in at an identity provider is made of.
type SignInOptions struct {
	ClientID     string
	ClientSecret string // empty: this is a public client, which PKCE alone protects
	Scopes       []string
	RedirectURL  func() string // of the office, to which the provider sends a person back
	SignedOutURL func() string // of the office, to which it sends a person who has signed out there
}

// signIn is the authorization code flow of OpenID Connect, with PKCE.
type signIn struct {
	SignInOptions
	provider *Provider
	seal     seal
	client   *http.Client
	now      func() time.Time
	made     atomic.Pointer[madeConfig]

	exchanges *exchanges
	userInfo  *userInfo
}

// madeConfig is the client's side of the flow as it was made of a discovery document. It is kept, because it learns how the
// provider wants to be given the secret.
type madeConfig struct {
	of     *discovery
	config *oauth2.Config
}

// begin returns the address at the provider to which a person goes, and what the browser keeps meanwhile. The provider is asked to
// speak the language of the page from which the person comes: by itself it only knows that of the browser.
func (s *signIn) begin(ctx context.Context, returnPath, languages string) (address, flow string, err error) {
	config, err := s.config(ctx)
	if err != nil {
		return "", "", err
	}
	content := flowContent{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: LocalPath(returnPath),
		RegisteredClaims: jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(s.now().Add(FlowLife))},
	}
	if flow, err = s.seal.close(content); err != nil {
		return "", "", err
	}
	params := []oauth2.AuthCodeOption{oidc.Nonce(content.Nonce), oauth2.S256ChallengeOption(content.Verifier)}
	if languages != "" {
		params = append(params, oauth2.SetAuthURLParam("ui_locales", languages))
	}
	return config.AuthCodeURL(content.State, params...), flow, nil
}

// config returns the client's side of the flow, with the endpoints of the provider.
func (s *signIn) config(ctx context.Context) (*oauth2.Config, error) {
	if s.provider.discovered.Load() == nil {
		s.provider.readForUnknown(ctx)
	}
	discovered := s.provider.discovered.Load()
	if discovered == nil {
		return nil, ErrProviderAway
	}
	if made := s.made.Load(); made != nil && made.of == discovered {
		return made.config, nil
	}
	endpoint := discovered.signIn
	if s.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	config := &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, Scopes: s.Scopes, Endpoint: endpoint, RedirectURL: s.RedirectURL(),
	}
	s.made.Store(&madeConfig{of: discovered, config: config})
	return config, nil
}

// finished is a sign-in that has come back from the provider. After an error nobody and no ID token is there.
type finished struct {
	who        Caller
	idToken    string
	returnPath string // from which the sign-in was begun
	flows      string // that the browser has begun besides
}

// finish returns the person whom the provider has sent back with an answer, at a client.
func (s *signIn) finish(ctx context.Context, client, flows string, answer url.Values) (finished, error) {
	begun, others, err := takeFlow(s.seal, flows, answer["state"])
	done := finished{returnPath: LocalPath(begun.Return), flows: others}
	if err != nil {
		return done, fmt.Errorf("%w: %w", ErrSignInStale, err)
	}
	if issuer := answer.Get("iss"); issuer != "" && issuer != s.provider.Issuer { // RFC 9207
		return done, fmt.Errorf("%w: the answer is another provider's", ErrSignInStale)
	}
	if refusal := answer.Get("error"); refusal != "" {
		return done, fmt.Errorf("%w: it says %.*q", ErrSignInRefused, errorBytesMax, refusal)
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	said, token, err := s.ask(ctx, client, answer.Get("code"), begun)
	if err != nil {
		return done, err
	}
	done.who, done.idToken = said.caller(s.provider.rolesOf(said)), token
	return done, nil
}

// ask gets from the provider who has signed in, for a code, and the ID token that says so.
func (s *signIn) ask(ctx context.Context, client, code string, begun flowContent) (said *claims, idToken string, err error) {
	config, err := s.config(ctx)
	if err != nil {
		return nil, "", err
	}
	giveBack, err := s.exchanges.take(ctx, client, begun.State)
	if err != nil {
		return nil, "", err
	}
	defer giveBack()
	got, err := s.exchange(ctx, config, code, begun)
	if err != nil {
		return nil, "", err
	}
	idToken, _ = got.Extra("id_token").(string)
	if said, err = s.readIDToken(ctx, idToken, begun); err != nil {
		return nil, "", err
	}
	if s.userInfo.lacks(said) {
		s.userInfo.complete(oidc.ClientContext(ctx, s.client), said, got)
	}
	return said, idToken, nil
}

// exchange gets the tokens for a code. One that the provider does not know is refused; whatever else fails is the provider's
// fault, or that of how it is configured.
func (s *signIn) exchange(ctx context.Context, config *oauth2.Config, code string, begun flowContent) (*oauth2.Token, error) {
	got, err := config.Exchange(oidc.ClientContext(ctx, s.client), code, oauth2.VerifierOption(begun.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		return nil, fmt.Errorf("%w: exchange code: %w", ErrSignInRefused, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: exchange code: %w", ErrProviderAway, err)
	}
	return got, nil
}

// readIDToken verifies an ID token, of which the provider has said that it is this sign-in's. The library allows a clock that
// is behind the provider's; of one that is ahead nothing but this lets a token be used that is good for seconds.
func (s *signIn) readIDToken(ctx context.Context, text string, begun flowContent) (*claims, error) {
	verifier := oidc.NewVerifier(s.provider.Issuer, s.provider, &oidc.Config{
		ClientID: s.ClientID, SupportedSigningAlgs: providerAlgorithms(),
		Now: func() time.Time { return s.now().Add(-Leeway) },
	})
	token, err := verifier.Verify(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%w: verify ID token: %w", ErrProviderAway, err)
	}
	said := &claims{}
	if err := token.Claims(said); err != nil {
		return nil, fmt.Errorf("%w: read ID token: %w", ErrProviderAway, err)
	}
	if party, named := said.others["azp"]; named && party != s.ClientID {
		return nil, fmt.Errorf("%w: the ID token is for another client", ErrProviderAway)
	}
	if subtle.ConstantTimeCompare([]byte(said.nonce), []byte(begun.Nonce)) != 1 {
		return nil, fmt.Errorf("%w: the ID token is of another sign-in", ErrSignInRefused)
	}
	if err := said.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignInRefused, err)
	}
	return said, nil
}

// endSession returns the address at the provider at which a browser ends its session there, or "" if the provider has none,
// or is not known yet: whoever signs out does not wait for it. The ID token tells the provider whose session it is, without
// which it may ask; an empty one is not sent. Afterwards the person wants to be at returnPath.
func (s *signIn) endSession(idToken, returnPath string) string {
	discovered := s.provider.discovered.Load()
	if discovered == nil || discovered.endSession == "" {
		return ""
	}
	address, err := url.Parse(discovered.endSession)
	if err != nil { // it could be parsed when it was discovered
		return ""
	}
	query := address.Query() // some providers' endpoints have one of their own
	query.Set("client_id", s.ClientID)
	query.Set("post_logout_redirect_uri", s.SignedOutURL())
	query.Set("state", LocalPath(returnPath))
	if idToken != "" {
		query.Set("id_token_hint", idToken)
	}
	address.RawQuery = query.Encode()
	return address.String()
}

// LocalPath returns a path of this office to which a browser is sent, and "/" for anything that could lead elsewhere:
// browsers take "//host" and "/\host" for another host, and strip tabs and line breaks before they look.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || len(path) > returnBytesMax || !strings.HasPrefix(path, "/") || u.Host != "" || u.Scheme != "" ||
		strings.HasPrefix(path, "//") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return "/"
	}
	return path
}
