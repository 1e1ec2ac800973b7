package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"boxoffice/common/httpclient"
	"boxoffice/common/outage"
)

// ErrProviderAway says that the identity provider does not answer, or not as it should.
var ErrProviderAway = errors.New("the identity provider is away")

const (
	refreshPause   = 5 * time.Minute  // between two readings of the keys: a withdrawn one is good for that long at most
	retryPause     = 10 * time.Second // after a reading that failed, and between two for the sake of unknown keys
	readTimeout    = 10 * time.Second
	answerBytesMax = 1 << 20
	waitersMax     = 256 // of requests that wait for a reading of the keys
)

// ProviderOptions are what an identity provider is made of.
type ProviderOptions struct {
	Issuer string // its URL, as it stands in its tokens and below which its discovery document is
	Keys   string // URL or file of its JWK Set; empty: where its discovery document says
	SignIn bool   // people sign in there: its discovery document says where, whatever Keys is

	Audience   string // of bearer tokens, as it stands in them; empty: none of its tokens is taken as one
	RolesClaim string // with the roles of a bearer, who is a buyer besides
	StaffRole  string // what stands there for staff
	AdminRole  string // and for admin

	Now func() time.Time
	Log *slog.Logger
}

// Provider is an identity provider: where it signs people in, and the keys with which it signs.
//
// Its keys are read again and again, and at once when a token names one that is not known, but not more often than once in
// retryPause. While it is away, the keys that were read last stay.
type Provider struct {
	ProviderOptions
	client     *http.Client
	keys       atomic.Pointer[keySet]    // nil until they have been read
	discovered atomic.Pointer[discovery] // nil until it has been read
	readings   singleflight.Group
	unknown    *rate.Limiter // of readings for the sake of unknown keys
	waiting    chan struct{}
	outage     *outage.Outage

	bearers    *jwt.Parser
	signatures *jwt.Parser
}

// discovery is what the discovery document says of where people sign in and out.
type discovery struct {
	signIn     oauth2.Endpoint
	endSession string // empty: the provider's own sessions end there alone
	provider   *oidc.Provider

	hasUserInfo bool // there is a userinfo endpoint that may be asked
}

// NewProvider makes a provider. Nothing is asked of it yet; an error is that of a file of keys which cannot be used.
func NewProvider(options ProviderOptions) (*Provider, error) {
	p := &Provider{
		ProviderOptions: options,
		client:          httpclient.New(nil, answerBytesMax),
		unknown:         rate.NewLimiter(rate.Every(retryPause), 1),
		waiting:         make(chan struct{}, waitersMax),
		outage:          outage.New(options.Log.With("issuer", options.Issuer), "identity provider", 1),
	}
	p.signatures = newParser(options.Now, providerAlgorithms(), jwt.WithoutClaimsValidation())
	p.bearers = newParser(options.Now, providerAlgorithms(), jwt.WithIssuer(options.Issuer), jwt.WithAudience(options.Audience))
	if options.Keys != "" && !isURL(options.Keys) {
		return p, p.readKeys(context.Background(), options.Keys)
	}
	return p, nil
}

// isURL tells a URL from the name of a file.
func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// Run reads what the provider publishes until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	for {
		pause := refreshPause
		if p.read(ctx) != nil {
			pause = retryPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// read reads what the provider publishes; whoever comes meanwhile shares the reading.
func (p *Provider) read(ctx context.Context) error {
	_, err, _ := p.readings.Do("read", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		err := p.readAll(ctx)
		p.outage.Observe(err)
		return nil, err
	})
	return err
}

// readAll reads the discovery document, unless nothing of it is needed, and the keys. Keys that are configured are read
// whether or not the document can be.
func (p *Provider) readAll(ctx context.Context) (err error) {
	keys := p.Keys
	if keys == "" || p.SignIn {
		var discovered string
		discovered, err = p.discover(ctx)
		keys = cmp.Or(keys, discovered)
	}
	if keys == "" {
		return err
	}
	return errors.Join(err, p.readKeys(ctx, keys))
}

// discover reads the discovery document, and returns the URL of the keys. It fails for a provider of https that sends people
// or secrets where everybody between can read them.
func (p *Provider) discover(ctx context.Context) (keys string, err error) {
	discovered, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return "", fmt.Errorf("discover: %w", err)
	}
	var document struct {
		Keys       string `json:"jwks_uri"`
		EndSession string `json:"end_session_endpoint"`
	}
	if err := discovered.Claims(&document); err != nil {
		return "", fmt.Errorf("discover: %w", err)
	}
	endpoint := discovered.Endpoint()
	for _, text := range []string{endpoint.AuthURL, endpoint.TokenURL, document.Keys, cmp.Or(document.EndSession, endpoint.AuthURL)} {
		if !p.mayBeAsked(text) {
			return "", fmt.Errorf("discover: %q is not an https URL", text)
		}
	}
	userInfo := discovered.UserInfoEndpoint()
	found := &discovery{signIn: endpoint, endSession: document.EndSession, provider: discovered, hasUserInfo: p.mayBeAsked(userInfo)}
	if before := p.discovered.Swap(found); userInfo != "" && !found.hasUserInfo && (before == nil || before.hasUserInfo) {
		p.Log.WarnContext(ctx, "the identity provider's userinfo endpoint is not asked: it is not an https URL", "url", userInfo)
	}
	return document.Keys, nil
}

// mayBeAsked tells whether an endpoint is as safe as the provider: nothing that https protects there is sent in the clear.
func (p *Provider) mayBeAsked(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && u.Host != "" && (u.Scheme == "https" || !strings.HasPrefix(p.Issuer, "https:"))
}

// readKeys reads the keys from a URL or a file. A set that is the same as before leaves what was verified by it in the cache.
func (p *Provider) readKeys(ctx context.Context, from string) error {
	raw, err := p.load(ctx, from)
	if err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	keys, err := parseKeySet(raw)
	if err != nil {
		return err
	}
	if known := p.keys.Load(); known == nil || known.sum != keys.sum {
		p.keys.Store(keys)
	}
	return nil
}

func (p *Provider) load(ctx context.Context, from string) ([]byte, error) {
	if !isURL(from) {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return io.ReadAll(io.LimitReader(file, answerBytesMax))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, response.Status)
	}
	return io.ReadAll(response.Body)
}

// readForUnknown reads what the provider publishes because something of it is not known, if that is not too often.
func (p *Provider) readForUnknown(ctx context.Context) {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return
	}
	read := p.readings.DoChan("unknown", func() (any, error) {
		if !p.unknown.AllowN(p.Now(), 1) {
			return nil, nil
		}
		return nil, p.read(context.WithoutCancel(ctx)) // which has logged it
	})
	select {
	case <-read:
	case <-ctx.Done():
	}
}
