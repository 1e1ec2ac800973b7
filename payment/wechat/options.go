package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"boxoffice/common/idform"
	"boxoffice/order"
)

const apiV3KeyBytes = 32

// Options configures a Provider. All but Now and HTTP are required, and found in the merchant platform
// (https://pay.weixin.qq.com), below "Account Center" and there "API Security" unless said otherwise.
type Options struct {
	Office     string   // names this office among all that use the account: 1 to 255 visible ASCII characters that no other one has
	AppID      string   // "wx" and 16 characters: an official account, mini program or app that is bound to the merchant
	MerchantID string   // mchid, 10 digits: in "Account Center", "Merchant Information"
	SerialNo   string   // of the merchant's API certificate, 40 hexadecimal digits
	PrivateKey string   // the text of apiclient_key.pem, which came with that certificate: requests are signed with it
	APIv3Keys  []string // 32 bytes each, set by the merchant: notifications are encrypted with one, or another while it is replaced

	// PublicKeys are the keys with which WeChat Pay signs, one for most of the time: its id and the text of pub_key.pem.
	// While WeChat Pay replaces a key the new one comes first, because answers are asked for by the first one, and
	// notifications may be signed with any. Merchants without a public key give their platform certificates.
	PublicKeys []PublicKey

	CallbackURL func() string // where WeChat Pay sends notifications: https, reachable from the internet, without a query

	Now       func() time.Time // by which notifications are old; nil is the machine's clock, which the library uses for the rest
	Deadlines func() time.Time // by which attempts expire; nil is Now
	HTTP      *http.Client     // nil is one of its own; redirects are not followed, and answers are bounded, with either
}

// newParts makes the provider's parts. Its error says which option is wrong, and tells nothing of a secret.
func newParts(opts Options) (*apiClient, publicKeys, error) {
	for _, name := range []struct{ option, value string }{
		{"AppID", opts.AppID}, {"MerchantID", opts.MerchantID}, {"SerialNo", opts.SerialNo},
	} {
		if !isName(name.value) {
			return nil, publicKeys{}, fmt.Errorf("option %s: must have 1 to %d letters, digits and _", name.option, nameMax)
		}
	}
	if !idform.IsVisibleASCII(opts.Office, order.IDMax) {
		return nil, publicKeys{}, fmt.Errorf("option Office: must have 1 to %d visible ASCII characters", order.IDMax)
	}
	private, err := loadPrivateKey(opts.PrivateKey)
	if err != nil {
		return nil, publicKeys{}, fmt.Errorf("option PrivateKey: %w", err)
	}
	if err := checkAPIv3Keys(opts.APIv3Keys); err != nil {
		return nil, publicKeys{}, fmt.Errorf("option APIv3Keys: %w", err)
	}
	keys, err := loadPublicKeys(opts.PublicKeys)
	if err != nil {
		return nil, publicKeys{}, fmt.Errorf("option PublicKeys: %w", err)
	}
	if opts.CallbackURL == nil {
		return nil, publicKeys{}, errors.New("option CallbackURL: is missing")
	}
	client, err := core.NewClient(context.Background(),
		option.WithSigner(&signers.SHA256WithRSASigner{
			MchID: opts.MerchantID, CertificateSerialNo: opts.SerialNo, PrivateKey: private,
		}),
		option.WithVerifier(keys),
		option.WithHTTPClient(newHTTPClient(opts.HTTP)),
	)
	if err != nil {
		return nil, publicKeys{}, fmt.Errorf("make client of WeChat Pay: %w", err)
	}
	return &apiClient{
		account: account{opts.AppID, opts.MerchantID, opts.Office}, callbackURL: opts.CallbackURL,
		orders: native.NativeApiService{Client: client}, refunds: refunddomestic.RefundsApiService{Client: client}, deadlines: opts.Deadlines,
	}, keys, nil
}

// checkAPIv3Keys says which key cannot be used.
func checkAPIv3Keys(keys []string) error {
	if len(keys) == 0 {
		return errors.New("there is none")
	}
	for i, key := range keys {
		if len(key) != apiV3KeyBytes {
			return fmt.Errorf("key %d has %d bytes, not %d", i+1, len(key), apiV3KeyBytes)
		}
	}
	return nil
}
