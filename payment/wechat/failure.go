package wechat

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core"

	"boxoffice/payment"
)

const errorBytesMax = 300 // of an answer's message that is quoted in an error

// The codes of WeChat Pay's errors that are told apart.
const (
	codeOrderPaid   = "ORDERPAID"
	codeOrderClosed = "ORDER_CLOSED"
	codeUsed        = "OUT_TRADE_NO_USED"
)

// callError is the error for a call that failed: payment.ErrRefused if WeChat Pay has refused it for good. The library's
// own error is not passed on, since it prints the answer's headers.
func callError(doing string, err error) error {
	var answer *core.APIError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	answered := fmt.Errorf("the provider answered %d %q: %q", answer.StatusCode, cut(answer.Code), cut(answer.Message))
	if !isFinal(answer) {
		return fmt.Errorf("%s: %w", doing, answered)
	}
	return fmt.Errorf("%s: %w: %w", doing, payment.ErrRefused, answered)
}

// isFinal tells whether an answer will be the same next time, and nothing has been done. An answer without a code is not
// WeChat Pay's own, but of something on the way. The library checks no signature of an error: that it is WeChat Pay's is
// known by TLS alone.
func isFinal(answer *core.APIError) bool {
	switch answer.StatusCode {
	case http.StatusUnauthorized: // it does not know who calls, and an earlier call may have done something
		return false
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	if answer.StatusCode < http.StatusBadRequest || answer.StatusCode >= http.StatusInternalServerError {
		return false
	}
	switch answer.Code {
	case "":
		return false
	case "NOT_ENOUGH", "NOTENOUGH": // the merchant's balance, which fills with the next sales
		return false
	case "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR",
		"BANKERROR", "BIZERR_NEED_RETRY", "USER_PAYING", "USERPAYING":
		return false
	case codeOrderPaid, codeUsed: // an earlier call has done something
		return false
	}
	return true
}

// codeOf returns the code of WeChat Pay's answer, or "" if it has not answered, or does not know itself what happened.
func codeOf(err error) string {
	var answer *core.APIError
	if !errors.As(err, &answer) || answer.StatusCode >= http.StatusInternalServerError {
		return ""
	}
	return answer.Code
}

// isUnknown tells whether WeChat Pay says that it has never heard of an order or a refund.
func isUnknown(err error) bool {
	switch codeOf(err) {
	case "ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS":
		return true
	}
	return false
}

// isOtherOrder tells whether WeChat Pay may have refused to make an order because it has one of this number with other values.
func isOtherOrder(err error) bool {
	code := codeOf(err)
	return code == "INVALID_REQUEST" || code == codeUsed
}

// cut bounds what an error quotes of an answer.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), errorBytesMax)], "")
}
