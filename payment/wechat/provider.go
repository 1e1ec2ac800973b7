// Package wechat is the payment provider WeChat Pay, APIv3, for merchants in mainland China: the payer scans a code
// (Native payment), and pays in CNY. WeChat Pay knows an attempt by its id (out_trade_no) and a refund by its key
// (out_refund_no), so that each may be sent again.
package wechat

import (
	"context"
	"net/http"
	"time"

	"boxoffice/payment"
)

const providerName = "wechat"

// Provider is WeChat Pay.
type Provider struct {
	*apiClient // starts, queries, closes and refunds
	keys       publicKeys
	reader     reader
	now        func() time.Time
}

var (
	_ payment.Provider      = (*Provider)(nil)
	_ payment.SharedAccount = (*Provider)(nil)
	_ payment.NamedAccount  = (*Provider)(nil)
)

// New returns a provider, or an error that says which option cannot be used. It calls nobody.
func New(opts Options) (*Provider, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Deadlines == nil {
		opts.Deadlines = opts.Now
	}
	api, keys, err := newParts(opts)
	if err != nil {
		return nil, err
	}
	return &Provider{apiClient: api, keys: keys, reader: reader{api.account, opts.APIv3Keys}, now: opts.Now}, nil
}

// SharedAccount says that an account of WeChat Pay may be used by others as well.
func (p *Provider) SharedAccount() bool { return true }

// Account names the merchant and its application: WeChat Pay tells of orders of both alone.
func (p *Provider) Account() string { return p.account.merchantID + "/" + p.account.appID }

// Name returns the provider's name.
func (p *Provider) Name() string { return providerName }

// Verify checks the signature over the raw body before it decodes the body, and decrypts what is in it.
func (p *Provider) Verify(ctx context.Context, header http.Header, body []byte) (payment.Report, error) {
	if !isSigned(ctx, p.keys, p.now(), header, body) {
		return payment.Report{}, payment.ErrForged
	}
	return p.reader.read(body)
}
