// Package webhook is the payment provider that speaks Standard Webhooks: a shop's own gateway, or the simulator. It needs
// a secret, with which it is sent signed callbacks. With the address of the provider's API it also starts payments, asks
// for them, and sends refunds; without one payments are started elsewhere, and refunds wait for a person.
package webhook

import (
	"context"
	"net/http"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/httpclient"
	"boxoffice/common/strictjson"
	"boxoffice/order"
	"boxoffice/payment"
)

// Options configures a Provider.
type Options struct {
	Secrets     []string      // "whsec_" and base64; a callback may be signed with any, requests are signed with the first
	URL         func() string // the provider's API, http or https without a slash at the end; nil if it has none
	CallbackURL func() string // where the provider sends callbacks; needed with URL
	Now         func() time.Time
}

// Provider is the payment provider. Its name is order.DefaultProvider.
type Provider struct {
	verifier *Verifier
	api      *apiClient // nil: the provider has none
}

var _ payment.Provider = (*Provider)(nil)

// New returns a provider, or an error that says which secret cannot be used.
func New(opts Options) (*Provider, error) {
	verifier, err := NewVerifier(opts.Secrets, opts.Now)
	if err != nil {
		return nil, err
	}
	p := &Provider{verifier: verifier}
	if opts.URL != nil {
		p.api = &apiClient{
			url: opts.URL, callbackURL: opts.CallbackURL, verifier: verifier, http: httpclient.New(nil, answerBytesMax),
		}
	}
	return p, nil
}

// Name returns the provider's name.
func (p *Provider) Name() string { return order.DefaultProvider }

// CallbacksOnly tells whether the provider has no API.
func (p *Provider) CallbacksOnly() bool { return p.api == nil }

// Sign signs as the provider does, for who plays it: a demo.
func (p *Provider) Sign(header http.Header, id string, body []byte) {
	p.verifier.Sign(header, id, body)
}

// Verify checks the signature over the raw body before it decodes the body.
func (p *Provider) Verify(_ context.Context, header http.Header, body []byte) (payment.Report, error) {
	if !p.verifier.Verify(header, body) {
		return payment.Report{}, payment.ErrForged
	}
	e, err := readEvent(body)
	if err != nil {
		return payment.Report{}, payment.BadCallback{Detail: strictjson.Describe(err)}
	}
	if invalid := e.invalid(); invalid != "" {
		return payment.Report{}, payment.BadCallback{Detail: invalid, Readable: true}
	}
	report := payment.Report{ID: header.Get(HeaderID)}
	d := e.Data
	switch e.Type {
	case PaymentSucceeded:
		report.Payments = []payment.Payment{{
			ID: d.PaymentID, AttemptID: d.AttemptID, OrderID: d.OrderID,
			Amount: event.Money{Amount: d.Amount, Currency: d.Currency},
		}}
	case PaymentClosed:
		report.Closed = []string{d.AttemptID}
	case RefundUpdated:
		report.Refunds = []payment.RefundReport{{Key: d.Key, RefundStatus: payment.RefundStatus{
			State: payment.RefundState(d.State), Reference: reference(d.Reference), Detail: d.Detail,
		}}}
	}
	return report, nil
}

// Start opens an attempt at the provider.
func (p *Provider) Start(ctx context.Context, a payment.Attempt) (payment.Started, error) {
	if p.api == nil {
		return payment.Started{}, payment.ErrUnsupported
	}
	return p.api.start(ctx, a)
}

// Query asks how an attempt stands.
func (p *Provider) Query(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	if p.api == nil {
		return payment.Status{}, payment.ErrUnsupported
	}
	return p.api.status(ctx, PathPaymentsQuery, a)
}

// Close makes the provider take no more money for an attempt.
func (p *Provider) Close(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	if p.api == nil {
		return payment.Status{}, payment.ErrUnsupported
	}
	return p.api.status(ctx, PathPaymentsClose, a)
}

// Refund sends money back.
func (p *Provider) Refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	if p.api == nil {
		return payment.RefundStatus{}, payment.ErrUnsupported
	}
	return p.api.refund(ctx, r)
}

// QueryRefund asks how a refund stands.
func (p *Provider) QueryRefund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	if p.api == nil {
		return payment.RefundStatus{}, payment.ErrUnsupported
	}
	return p.api.queryRefund(ctx, r)
}
