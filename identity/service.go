// Package identity says who calls. A caller brings a bearer token that is signed with the office's secret, or by an identity
// provider with one of its published keys, or the session of a browser that has signed in at that provider by OpenID Connect.
// Every source of keys has its own algorithms, and a token cannot choose among them.
package identity

import (
	"context"
	"errors"
	"net/url"
	"time"

	"boxoffice/common/httpclient"
)

// TokenBytesMax is the longest token that is looked at.
const TokenBytesMax = 8 << 10

// Options are what a Service is made of.
type Options struct {
	Secret   []byte         // of the office's tokens and of sessions; the configuration refuses fewer than 32 bytes
	Provider *Provider      // nil: no other tokens are taken
	SignIn   *SignInOptions // nil: nobody signs in; else Provider is needed
	// SessionLife is how long a sign-in is good for.
	SessionLife time.Duration
	Now         func() time.Time
}

// Service knows callers by what they bring. Any number of processes with the same options know the same ones.
type Service struct {
	office   officeTokens
	provider *Provider // nil: none
	tokens   *tokenCache
	signIn   *signIn // nil: none
	sessions sessions
	signedIn *tokenCache // of sessions: none of them is ever a token
	now      func() time.Time
}

// New makes a service. An error says which option cannot be used.
func New(options Options) (*Service, error) {
	if len(options.Secret) == 0 || options.Now == nil {
		return nil, errors.New("identity: Secret and Now are needed")
	}
	if options.SignIn != nil && options.Provider == nil {
		return nil, errors.New("identity: SignIn needs a Provider")
	}
	sessionSeal, err := newSeal(options.Secret, "session", options.Now)
	if err != nil {
		return nil, err
	}
	flowSeal, err := newSeal(options.Secret, "sign-in", options.Now)
	if err != nil {
		return nil, err
	}
	s := &Service{
		office: newOfficeTokens(options.Secret, options.Now), provider: options.Provider, tokens: newTokenCache(),
		sessions: sessions{seal: sessionSeal, life: options.SessionLife, now: options.Now}, signedIn: newTokenCache(),
		now: options.Now,
	}
	if options.SignIn != nil {
		exchanges, err := newExchanges()
		if err != nil {
			return nil, err
		}
		s.signIn = &signIn{
			SignInOptions: *options.SignIn, provider: options.Provider, seal: flowSeal,
			client: httpclient.New(nil, answerBytesMax), exchanges: exchanges, now: options.Now,
			userInfo: newUserInfo(options.Provider, options.SignIn.Scopes),
		}
	}
	return s, nil
}

// SignToken makes a bearer token of the office, see the function SignToken.
func (s *Service) SignToken(subject, role string, expires time.Time) (string, error) {
	return SignToken(s.office.secret, subject, role, expires)
}

// Token returns the caller of a bearer token. It fails with ErrInvalid, or with ErrProviderAway for a token that may be an
// identity provider's whose keys could not be read yet.
func (s *Service) Token(ctx context.Context, text string) (Caller, error) {
	if len(text) > TokenBytesMax {
		return Caller{}, ErrInvalid
	}
	if who, cached := s.tokens.find(text, s.now(), s.provider.known()); cached {
		return who, nil
	}
	verified := cachedToken{text: text}
	var err error
	if verified.who, err = s.office.read(text); err != nil {
		if verified.who, verified.keys, err = s.provider.bearer(ctx, text); err != nil {
			return Caller{}, err
		}
	}
	verified.until = verified.who.ExpiresAt.Add(Leeway)
	s.tokens.add(verified)
	return verified.who, nil
}

// SignsIn tells whether people can sign in at an identity provider.
func (s *Service) SignsIn() bool { return s.signIn != nil }

// Session returns the caller of a session. It fails with ErrInvalid.
func (s *Service) Session(text string) (Caller, error) {
	if s.signIn == nil || len(text) > TokenBytesMax {
		return Caller{}, ErrInvalid
	}
	if who, cached := s.signedIn.find(text, s.now(), nil); cached {
		return who, nil
	}
	who, err := s.sessions.read(text)
	if err != nil {
		return Caller{}, ErrInvalid
	}
	s.signedIn.add(cachedToken{text: text, who: who, until: who.ExpiresAt})
	return who, nil
}

// BeginSignIn returns the address at the identity provider to which a person goes to sign in, and what the browser keeps for
// FlowLife meanwhile, beside others (KeepFlow). Afterwards the person wants to be at returnPath. The provider is asked to speak
// these languages (tags with spaces between), if any. It fails with ErrProviderAway.
func (s *Service) BeginSignIn(ctx context.Context, returnPath, languages string) (address, flow string, err error) {
	return s.signIn.begin(ctx, returnPath, languages)
}

// SignedIn is a sign-in that is finished.
type SignedIn struct {
	Session   string
	IDToken   string // by which the provider knows whose session is to end, when the person signs out
	ExpiresAt time.Time
	Return    string // the path to go to; after an error, that from which to try again
	Flows     string // what the browser keeps on: sign-ins that it has begun besides, in other tabs
}

// FinishSignIn takes the answer with which the identity provider has sent a person back, and the flows that the browser has kept.
// The client is where it is, such as its network address. It fails with ErrSignInStale, ErrSignInRefused, ErrTooManySignIns or
// ErrProviderAway.
func (s *Service) FinishSignIn(ctx context.Context, client, flows string, answer url.Values) (SignedIn, error) {
	done, err := s.signIn.finish(ctx, client, flows, answer)
	if err != nil {
		return SignedIn{Return: done.returnPath, Flows: done.flows}, err
	}
	session, expires, err := s.sessions.begin(done.who)
	return SignedIn{Session: session, IDToken: done.idToken, ExpiresAt: expires, Return: done.returnPath, Flows: done.flows}, err
}

// EndSession returns the address at the identity provider to which a person goes to sign out there, too, or "" if it has none.
// The provider then sends the person back with returnPath as the state. The session here is the caller's to end, before that.
func (s *Service) EndSession(idToken, returnPath string) (address string) {
	return s.signIn.endSession(idToken, returnPath)
}
