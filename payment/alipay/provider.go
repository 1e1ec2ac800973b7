// Package alipay is the payment provider Alipay, by the API of its open platform, for payments in yuan. A payment
// begins on a page of Alipay or with a QR code; notifications, queries and refunds are the same for both.
package alipay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"boxoffice/common/httpclient"
	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	productionGateway = "https://openapi.alipay.com/gateway.do"
	accountIDMax      = 32
)

// Options configures a Provider.
type Options struct {
	Office     string   // names this office among all that use the account: 1 to 255 visible ASCII characters that no other one has
	AppID      string   // of the application on Alipay's open platform, such as 2021000000000000
	PrivateKey string   // the application's RSA key, of at least 2048 bits: PKCS #1 or PKCS #8, as PEM or as its base64 alone
	PublicKeys []string // Alipay's, not the application's: PKIX, as PEM or as its base64 alone. Any may sign; two during a change
	SellerID   string   // the account that is paid, 2088 and 12 digits; empty: notifications for any account of AppID are taken

	QR  bool // payers scan a code (alipay.trade.precreate); otherwise they go to Alipay's page (alipay.trade.page.pay)
	Wap bool // they go to Alipay's page for phones (alipay.trade.wap.pay); not together with QR

	Gateway     string           // empty: production; the sandbox is https://openapi-sandbox.dl.alipaydev.com/gateway.do
	CallbackURL func() string    // where Alipay sends notifications, absolute, without a query
	Now         func() time.Time // by which notifications are old; nil: the machine's time
	Deadlines   func() time.Time // by which attempts expire; nil: Now
	HTTP        *http.Client     // nil: a client of its own. Redirects are followed with neither
}

// Provider is Alipay.
type Provider struct {
	opts    Options // without the private key
	gateway *gateway
}

var (
	_ payment.Provider      = (*Provider)(nil)
	_ payment.SharedAccount = (*Provider)(nil)
	_ payment.NamedAccount  = (*Provider)(nil)
	_ payment.Acknowledger  = (*Provider)(nil)
	_ payment.Extender      = (*Provider)(nil)
)

// New returns a provider, or an error that says which option cannot be used.
func New(opts Options) (*Provider, error) {
	switch {
	case !idform.IsVisibleASCII(opts.AppID, accountIDMax):
		return nil, fmt.Errorf("alipay app id must have 1 to %d visible ASCII characters", accountIDMax)
	case !idform.IsVisibleASCII(opts.Office, order.IDMax):
		return nil, fmt.Errorf("alipay office must have 1 to %d visible ASCII characters", order.IDMax)
	case opts.SellerID != "" && !idform.IsVisibleASCII(opts.SellerID, accountIDMax):
		return nil, fmt.Errorf("alipay seller id must have 1 to %d visible ASCII characters", accountIDMax)
	case opts.CallbackURL == nil:
		return nil, errors.New("alipay needs a callback URL")
	case opts.QR && opts.Wap:
		return nil, errors.New("alipay has either QR codes or the page for phones")
	}
	if opts.Gateway == "" {
		opts.Gateway = productionGateway
	}
	if parsed, err := url.Parse(opts.Gateway); err != nil || !isGateway(parsed) {
		return nil, errors.New("alipay gateway must be an absolute http or https URL without a query")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Deadlines == nil {
		opts.Deadlines = opts.Now
	}
	g, err := newGateway(opts)
	if err != nil {
		return nil, err
	}
	opts.PrivateKey = ""
	return &Provider{opts: opts, gateway: g}, nil
}

func isGateway(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// newGateway makes a client of the library for each public key.
//
// Each is told that it is a sandbox, and where that is. In production the library has a way of its own to get a key
// that it lacks: it takes the certificate's number from a notification that nobody has verified yet, downloads the
// certificate without a limit of time, and believes it.
func newGateway(opts Options) (*gateway, error) {
	calls := httpclient.New(opts.HTTP, answerBytesMax)
	calls.Transport = onlyOK{calls.Transport}
	g := &gateway{}
	for i, key := range opts.PublicKeys {
		client, err := sdk.New(opts.AppID, strings.TrimSpace(opts.PrivateKey), false,
			sdk.WithSandboxGateway(opts.Gateway), sdk.WithHTTPClient(calls), sdk.WithTimeLocation(chinaTime()))
		if err == nil {
			_, err = client.EncodeParam(sdk.TradeQuery{}) // tells whether it can sign
		}
		if err != nil { // which could quote the key
			return nil, errors.New("alipay private key must be an RSA key of PKCS #1 or PKCS #8, as PEM or base64")
		}
		if err := client.LoadAliPayPublicKey(strings.TrimSpace(key)); err != nil {
			return nil, fmt.Errorf("alipay public key %d must be an RSA key of PKIX, as PEM or base64", i+1)
		}
		g.clients = append(g.clients, client)
	}
	if len(g.clients) == 0 {
		return nil, errors.New("alipay needs a public key of alipay")
	}
	return g, nil
}

// SharedAccount says that an account of Alipay may be used by others as well.
func (p *Provider) SharedAccount() bool { return true }

// Account names the application: another one may be of another seller, and Alipay knows nothing of its trades.
func (p *Provider) Account() string { return p.opts.AppID }

// ExtendsUnopened says that an attempt whose payer has not come yet can be started again with more time.
func (p *Provider) ExtendsUnopened() bool { return true }

// Name returns the provider's name.
func (p *Provider) Name() string { return "alipay" }

// Acknowledgement is what Alipay wants to read. After anything else it sends a notification again.
func (p *Provider) Acknowledgement() (contentType, body string) { return "text/plain", "success" }
