// Package stripe is the payment provider Stripe: each attempt is a Checkout Session, a page of Stripe's to which the
// payer is sent.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v82"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const secretMin = 20 // characters of a webhook secret, with its prefix; Stripe's have 38 or more

// Options configures a Provider.
type Options struct {
	// Office names this office among all that use the account: Stripe sends the events of all of them to each endpoint.
	// 1 to 255 visible ASCII characters that no other office has, and no copy of this one.
	Office string
	// APIKey is the account's secret key, or a restricted key that may write Checkout Sessions and Refunds and read
	// PaymentIntents: sk_live_ or rk_live_ for money, sk_test_ or rk_test_ for a sandbox.
	APIKey string
	// WebhookSecrets are the signing secrets of the account's webhook endpoint, each beginning with whsec_: one, or two
	// while it is replaced. The endpoint is of the same mode, live or sandbox, as the key, and gets the events
	// checkout.session.completed, .expired, .async_payment_succeeded and .async_payment_failed, and refund.created,
	// .updated and .failed.
	WebhookSecrets []string
	// URL is Stripe's API; empty for https://api.stripe.com. Only a key of a sandbox may be sent to another one.
	URL string
	// HTTP makes the calls; nil for a client of its own. No redirect is followed, and of an answer 1 MiB is read.
	HTTP *http.Client
	// Now is the clock that callbacks are judged by; nil for the machine's.
	Now func() time.Time
}

// Provider is Stripe for one account.
type Provider struct {
	*api     // starts, queries, closes and refunds
	verifier *verifier
}

var (
	_ payment.Provider      = (*Provider)(nil)
	_ payment.SharedAccount = (*Provider)(nil)
	_ payment.Stepped       = (*Provider)(nil)
)

// New returns a provider, or an error that says which option cannot be used. The error contains no secret.
func New(opts Options) (*Provider, error) {
	live, err := isLive(opts.APIKey)
	if err != nil {
		return nil, err
	}
	if !idform.IsVisibleASCII(opts.Office, order.IDMax) {
		return nil, fmt.Errorf("office of Stripe's metadata is not 1 to %d visible characters", order.IDMax)
	}
	for i, secret := range opts.WebhookSecrets {
		if !strings.HasPrefix(secret, "whsec_") || len(secret) < secretMin || !idform.IsVisibleASCII(secret, order.IDMax) {
			return nil, fmt.Errorf("webhook secret %d of Stripe is not whsec_ and %d or more visible characters", i+1, secretMin-len("whsec_"))
		}
	}
	if len(opts.WebhookSecrets) == 0 {
		return nil, errors.New("no webhook secret of Stripe")
	}
	if opts.URL == "" {
		opts.URL = stripego.APIURL
	}
	switch u, err := url.Parse(opts.URL); {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("API URL of Stripe is not an http or https URL")
	case live && opts.URL != stripego.APIURL:
		return nil, errors.New("API URL of Stripe must be its own with a live API key")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Provider{
		api:      newAPI(opts.APIKey, opts.URL, opts.Office, opts.HTTP),
		verifier: &verifier{secrets: opts.WebhookSecrets, live: live, now: opts.Now},
	}, nil
}

// isLive tells whether an API key is for money, by how it begins.
func isLive(key string) (bool, error) {
	for _, prefix := range []string{"sk_live_", "rk_live_", "sk_test_", "rk_test_"} {
		rest, found := strings.CutPrefix(key, prefix)
		if found && idform.IsVisibleASCII(rest, order.IDMax) {
			return strings.Contains(prefix, "live"), nil
		}
	}
	return false, errors.New("API key of Stripe does not begin with sk_live_, rk_live_, sk_test_ or rk_test_")
}

// Name returns the provider's name.
func (p *Provider) Name() string { return name }

// SharedAccount says that an account of Stripe may be used by others as well.
func (p *Provider) SharedAccount() bool { return true }

// RefundStep is the step of Stripe's amounts of a currency.
func (p *Provider) RefundStep(currency string) int64 {
	s, err := scaleOf(currency)
	if err != nil {
		return 1 // nothing was paid in it
	}
	return s.step
}

// Verify checks the signature over the raw body before anything of the body is believed.
func (p *Provider) Verify(_ context.Context, header http.Header, body []byte) (payment.Report, error) {
	e, err := p.verifier.open(header, body)
	if err != nil {
		return payment.Report{}, err
	}
	return reportOf(e, p.office)
}
