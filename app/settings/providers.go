package settings

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/alipay"
	"boxoffice/payment/stripe"
	"boxoffice/payment/wechat"
)

// ProviderConfig is the settings of the payment providers that are on when they are configured.
type ProviderConfig struct {
	StripeKey            string
	StripeWebhookSecrets []string
	StripeURL            string // empty: Stripe's own

	WechatMerchantID  string // empty: no WeChat Pay
	WechatAppID       string
	WechatSerialNo    string
	WechatPrivateKey  string
	WechatAPIKeys     []string
	WechatPublicKeyID string // several with commas between, the first is that of answers
	WechatPublicKeys  []string

	AlipayAppID      string // empty: no Alipay
	AlipaySellerID   string
	AlipayPrivateKey string
	AlipayPublicKeys []string
	AlipayQR         bool
	AlipayGateway    string // empty: production
}

func (c *ProviderConfig) define(flags *flag.FlagSet) {
	flags.StringVar(&c.StripeURL, "stripe-url", "", "URL of Stripe's API (empty: Stripe's own)")
	flags.StringVar(&c.WechatMerchantID, "wechat-merchant-id", "", "merchant id of WeChat Pay, which it turns on")
	flags.StringVar(&c.WechatAppID, "wechat-app-id", "", "app id that is bound to the merchant of WeChat Pay")
	flags.StringVar(&c.WechatSerialNo, "wechat-serial-no", "", "serial number of the merchant's certificate of WeChat Pay")
	flags.StringVar(&c.WechatPublicKeyID, "wechat-public-key-id", "", "id of WeChat Pay's public key, PUB_KEY_ID_...")
	flags.StringVar(&c.AlipayAppID, "alipay-app-id", "", "application id of Alipay, which it turns on")
	flags.StringVar(&c.AlipaySellerID, "alipay-seller-id", "", "account of Alipay that is paid, 2088... (empty: any of the application)")
	flags.BoolVar(&c.AlipayQR, "alipay-qr", false, "let payers scan a code of Alipay, instead of going to its page")
	flags.StringVar(&c.AlipayGateway, "alipay-gateway", "", "URL of Alipay's gateway (empty: production)")
}

// readSecrets takes the providers' secrets.
func (c *ProviderConfig) readSecrets(secrets map[string]string) {
	c.StripeKey = secrets[EnvStripeKey]
	c.StripeWebhookSecrets = strings.Fields(secrets[EnvStripeWebhookSecret])
	c.WechatPrivateKey, c.WechatAPIKeys = secrets[EnvWechatPrivateKey], strings.Fields(secrets[EnvWechatAPIKey])
	c.WechatPublicKeys = splitKeys(secrets[EnvWechatPublicKey])
	c.AlipayPrivateKey = secrets[EnvAlipayPrivateKey]
	c.AlipayPublicKeys = splitKeys(secrets[EnvAlipayPublicKey])
}

// splitKeys splits a text of one or more public keys, PEM texts or lines of base64.
func splitKeys(text string) []string {
	const begin = "-----BEGIN "
	if !strings.Contains(text, begin) {
		return strings.Fields(text)
	}
	var keys []string
	for _, key := range strings.Split(text, begin) {
		if strings.TrimSpace(key) != "" {
			keys = append(keys, begin+strings.TrimSpace(key))
		}
	}
	return keys
}

// wechatKeys pairs the ids of public keys with their texts.
func (c *ProviderConfig) wechatKeys() ([]wechat.PublicKey, error) {
	ids := strings.FieldsFunc(c.WechatPublicKeyID, func(r rune) bool { return r == ',' || r == ' ' })
	if len(ids) != len(c.WechatPublicKeys) {
		return nil, fmt.Errorf("set BOXOFFICE_WECHAT_PUBLIC_KEY_ID and %s to as many ids as keys: there are %d and %d",
			EnvWechatPublicKey, len(ids), len(c.WechatPublicKeys))
	}
	keys := make([]wechat.PublicKey, len(ids))
	for i, id := range ids {
		keys[i] = wechat.PublicKey{ID: id, PEM: c.WechatPublicKeys[i]}
	}
	return keys, nil
}

// any tells whether a provider is configured.
func (c *ProviderConfig) any() bool {
	return c.StripeKey != "" || c.WechatMerchantID != "" || c.AlipayAppID != ""
}

// half returns the setting that is missing of a provider of which others are there, or "". Without it the provider would be off,
// and nobody told: its payers could not pay, and its refunds would wait for a person.
func (c *ProviderConfig) half() string {
	switch {
	case c.StripeKey == "" && (len(c.StripeWebhookSecrets) > 0 || c.StripeURL != ""):
		return EnvStripeKey
	case c.WechatMerchantID == "" && (c.WechatAppID != "" || c.WechatSerialNo != "" || c.WechatPrivateKey != "" ||
		len(c.WechatAPIKeys) > 0 || c.WechatPublicKeyID != "" || len(c.WechatPublicKeys) > 0):
		return "BOXOFFICE_WECHAT_MERCHANT_ID"
	case c.AlipayAppID == "" && (c.AlipaySellerID != "" || c.AlipayPrivateKey != "" || len(c.AlipayPublicKeys) > 0 || c.AlipayQR ||
		c.AlipayGateway != ""):
		return "BOXOFFICE_ALIPAY_APP_ID"
	}
	return ""
}

// needsPublicURL tells whether a provider is told at each payment where to call back.
func (c *ProviderConfig) needsPublicURL() bool {
	return c.WechatMerchantID != "" || c.AlipayAppID != ""
}

// Make makes the providers that are configured. office names this office where an account is shared with others. Its error
// is one sentence that says what to set. now is the time of this machine, which callbacks are judged by, and deadlines the one in
// which attempts expire.
func (c *ProviderConfig) Make(office string, callbackURL func(provider string) string, now, deadlines func() time.Time) ([]payment.Provider, error) {
	var providers []payment.Provider
	if c.StripeKey != "" {
		p, err := stripe.New(stripe.Options{
			Office: office, APIKey: c.StripeKey, WebhookSecrets: c.StripeWebhookSecrets, URL: c.StripeURL, Now: now,
		})
		if err != nil {
			return nil, fmt.Errorf("set %s and %s: %w", EnvStripeKey, EnvStripeWebhookSecret, err)
		}
		providers = append(providers, p)
	}
	if c.WechatMerchantID != "" {
		keys, err := c.wechatKeys()
		if err != nil {
			return nil, err
		}
		p, err := wechat.New(wechat.Options{
			Office: office, AppID: c.WechatAppID, MerchantID: c.WechatMerchantID, SerialNo: c.WechatSerialNo,
			PrivateKey: c.WechatPrivateKey, APIv3Keys: c.WechatAPIKeys,
			PublicKeys:  keys,
			CallbackURL: func() string { return callbackURL("wechat") }, Now: now, Deadlines: deadlines,
		})
		if err != nil {
			return nil, fmt.Errorf("set the settings BOXOFFICE_WECHAT_... : %w", err)
		}
		providers = append(providers, p)
	}
	if c.AlipayAppID != "" {
		p, err := alipay.New(alipay.Options{
			Office: office, AppID: c.AlipayAppID, SellerID: c.AlipaySellerID, PrivateKey: c.AlipayPrivateKey, PublicKeys: c.AlipayPublicKeys,
			QR: c.AlipayQR, Gateway: c.AlipayGateway, CallbackURL: func() string { return callbackURL("alipay") }, Now: now,
			Deadlines: deadlines,
		})
		if err != nil {
			return nil, fmt.Errorf("set the settings BOXOFFICE_ALIPAY_... : %w", err)
		}
		providers = append(providers, p)
	}
	return providers, nil
}
