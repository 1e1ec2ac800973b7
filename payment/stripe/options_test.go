package stripe_test

import (
	"strings"
	"testing"

	"boxoffice/payment/stripe"
)

// An option that cannot be used is named, and no secret is told. An empty webhook secret would let anybody sign.
func TestOptions(t *testing.T) {
	good := stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}}
	for name, test := range map[string]struct {
		change func(*stripe.Options)
		want   string
	}{
		"no key":          {func(o *stripe.Options) { o.APIKey = "" }, "API key"},
		"publishable key": {func(o *stripe.Options) { o.APIKey = "pk_live_SECRETSECRET" }, "API key"},
		"key of nothing":  {func(o *stripe.Options) { o.APIKey = "sk_live_" }, "API key"},
		"key with a line": {func(o *stripe.Options) { o.APIKey = "sk_live_SECRETSECRET\n" }, "API key"},
		"no office":       {func(o *stripe.Options) { o.Office = "" }, "office"},
		"office, space":   {func(o *stripe.Options) { o.Office = "an office" }, "office"},
		"no secret":       {func(o *stripe.Options) { o.WebhookSecrets = nil }, "webhook secret"},
		"empty secret":    {func(o *stripe.Options) { o.WebhookSecrets = []string{testSecret, ""} }, "webhook secret 2"},
		"short secret":    {func(o *stripe.Options) { o.WebhookSecrets = []string{"whsec_SECRET"} }, "webhook secret 1"},
		"other secret":    {func(o *stripe.Options) { o.WebhookSecrets = []string{"SECRETSECRETSECRETSECRETSECRET"} }, "webhook secret 1"},
		"secret, space":   {func(o *stripe.Options) { o.WebhookSecrets = []string{"whsec_SECRETSECRETSECRETSECRET "} }, "webhook secret 1"},
		"relative URL":    {func(o *stripe.Options) { o.URL = "api.stripe.com" }, "API URL"},
		"other scheme":    {func(o *stripe.Options) { o.URL = "ftp://api.stripe.com" }, "API URL"},
		"password in URL": {func(o *stripe.Options) { o.URL = "https://u:SECRETSECRET@api.stripe.com" }, "API URL"},
		"live elsewhere":  {func(o *stripe.Options) { o.APIKey, o.URL = "rk_live_SECRETSECRET", "https://example.com" }, "API URL"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			test.change(&opts)
			_, err := stripe.New(opts)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v, want an error of the %s", err, test.want)
			}
		})
	}
	for _, key := range []string{testKey, "rk_test_1", "sk_live_1", "rk_live_1"} {
		opts := good
		opts.APIKey = key
		if p, err := stripe.New(opts); err != nil || p.Name() != "stripe" {
			t.Errorf("%v, %v", p, err)
		}
	}
}
