package wechat

import (
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
)

const nameMax = 64

// account is whom the payments are for: a merchant, one of the applications that are bound to it, and one of the offices that use
// it.
type account struct {
	appID, merchantID, office string
}

// owns tells whether a transaction is of this account.
func (of account) owns(t *payments.Transaction) bool {
	return value(t.Mchid) == of.merchantID && value(t.Appid) == of.appID
}

// isName tells whether a text can be one of WeChat Pay's own ids: it stands in headers and between quotes.
func isName(text string) bool {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	return text != "" && len(text) <= nameMax && strings.Trim(text, characters) == ""
}

// value returns what an optional field of the library's says, or "".
func value(field *string) string {
	if field == nil {
		return ""
	}
	return *field
}
