package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/archive"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
	"boxoffice/simulator"
)

// openPayments opens the payment providers that are configured, and in a process of the role order what asks them and
// sends refunds.
func (o *office) openPayments(ctx context.Context) error {
	providers, err := o.paymentProviders()
	if err != nil {
		return err
	}
	options := payment.Options{
		Orders: o.orders, Stock: o.stock, Providers: providers, Now: o.clock.Sure, Log: o.log.With("part", "payment"), Tracer: o.tracer,
		Lease: o.config.PayLease, AskGrace: o.config.PayGrace, ParkedLimit: o.config.ParkedLimit,
		KeepParked: o.keptParked,
	}
	if o.config.HasNotify() {
		options.TellRefunds = o.tellRefunds
	}
	o.payments = payment.New(o.orderDB, options)
	o.onClose(func() error { o.payments.Close(); return nil })
	if o.config.HasRole(settings.RoleOrder) {
		o.goUntilClose(ctx, o.payments.Run)
	}
	return nil
}

// openDemoProvider starts the simulator that takes a demo's payments.
func (o *office) openDemoProvider(context.Context) error {
	if !o.config.Demo || o.config.PaymentURL != "" {
		return nil
	}
	s, err := openSimulator("127.0.0.1:0", "", simulator.Options{
		Secret: o.config.WebhookSecrets[0], Now: o.wall, Log: o.log.With("part", "simulator"), File: demoPaymentsFile(o.config.DataDir),
	})
	if err != nil {
		return err
	}
	o.onClose(s.close)
	o.config.PaymentURL = s.url + simulatorAPI
	return nil
}

// paymentProviders makes the providers that are configured.
func (o *office) paymentProviders() ([]payment.Provider, error) {
	var providers []payment.Provider
	if len(o.config.WebhookSecrets) > 0 {
		options := webhook.Options{Secrets: o.config.WebhookSecrets, Now: o.wall}
		if o.config.PaymentURL != "" {
			options.URL = func() string { return o.config.PaymentURL }
			options.CallbackURL = func() string { return o.publicURL() + api.CallbackPath }
		}
		p, err := webhook.New(options)
		if err != nil {
			return nil, fmt.Errorf("set %s to the payment provider's secret: %w", settings.EnvWebhookSecret, err)
		}
		o.webhooks = p
		if o.config.Demo {
			providers = append(providers, demoProvider{p})
		} else {
			providers = append(providers, p)
		}
	}
	others, err := o.config.Providers.Make(o.nameAtProviders(), func(provider string) string {
		return o.publicURL() + api.CallbackPath + "/" + provider
	}, o.wall, o.clock.Sure) // as orders are cancelled: a payment that is closed before its order ends is not asked for any more
	return append(providers, others...), err
}

// nameAtProviders names this office where others use an account of a provider too: by its id, and by its address, which a
// copy of its databases does not have. What was started under an earlier address is found by asking, if the databases know of it:
// who restores a backup keeps the address, for the sake of what it does not know.
func (o *office) nameAtProviders() string {
	if o.config.PublicURL == "" {
		return o.owner
	}
	sum := sha256.Sum256([]byte(o.config.PublicURL))
	return o.owner + "-" + hex.EncodeToString(sum[:8])
}

func (o *office) keptParked(ctx context.Context, orderIDs []string) (map[string]bool, error) {
	return archive.KeptParked(ctx, o.stock, o.now(), orderIDs)
}

// tellRefunds publishes that money is on its way back, for those who tell its payers.
func (o *office) tellRefunds(ctx context.Context, sent event.RefundsSent) error {
	key := ""
	if len(sent.Refunds) > 0 {
		key = sent.Refunds[0].OrderID
	}
	return mq.Send(ctx, o.sender, event.RefundSent, key, sent)
}
