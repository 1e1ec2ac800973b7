package alipay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/smartwalle/alipay/v3"

	"boxoffice/payment"
)

const (
	answerBytesMax = 64 << 10
	quoteBytesMax  = 300 // of an answer that is quoted in an error
)

// The codes of Alipay's business errors that something depends on, without "ACQ.", which some of them lack.
const (
	tradeNotExist = "TRADE_NOT_EXIST"
	tradePaid     = "TRADE_HAS_SUCCESS"
	tradeClosed   = "TRADE_HAS_CLOSE"
	tradeFinished = "TRADE_HAS_FINISHED"
	refundTooMuch = "REASON_TRADE_REFUND_FEE_ERR"
)

// gateway calls Alipay's API. What the library checks of an answer is its signature, with one public key; the rest is
// checked here.
type gateway struct {
	clients []*sdk.Client // one for each of Alipay's public keys
}

// answer is what is read of Alipay's answers, to whichever call. The library's types would do but for that of a query,
// which fails as a whole when one of the payer's fund bills has a number where it expects a text.
type answer struct {
	Code    sdk.Code `json:"code"`
	SubCode string   `json:"sub_code"`
	SubMsg  string   `json:"sub_msg"`

	TradeNo        string          `json:"trade_no"`
	OutTradeNo     string          `json:"out_trade_no"`
	TradeStatus    sdk.TradeStatus `json:"trade_status"`
	TotalAmount    string          `json:"total_amount"`
	TransCurrency  string          `json:"trans_currency"`
	SendPayDate    string          `json:"send_pay_date"`
	ReceiptAmount  string          `json:"receipt_amount"`
	BuyerPayAmount string          `json:"buyer_pay_amount"`
	PassbackParams string          `json:"passback_params"`
	Body           string          `json:"body"`

	QRCode       string `json:"qr_code"`
	FundChange   string `json:"fund_change"`
	OutRequestNo string `json:"out_request_no"`
	RefundStatus string `json:"refund_status"`
}

// call makes a call, and returns its answer once that is signed by Alipay and says 10000. While Alipay replaces its
// key, an answer that only another client can verify is asked for again: every call here may be repeated.
func (g *gateway) call(ctx context.Context, param sdk.Param) (answer, error) {
	err := errors.New("no public key")
	for _, client := range g.clients {
		var got answer
		err = client.Request(ctx, param, &got)
		if err == nil {
			return got, got.failure()
		}
		if !errors.Is(err, rsa.ErrVerification) {
			return answer{}, unsignedFailure(err)
		}
	}
	return answer{}, fmt.Errorf("verify answer: %w", err)
}

// apiError is what Alipay has answered in place of a result.
type apiError struct {
	text    string
	subCode string // without "ACQ."; empty unless Alipay has signed it
	refused bool
}

func (e apiError) Error() string { return e.text }

func (e apiError) Unwrap() error {
	if e.refused {
		return payment.ErrRefused
	}
	return nil
}

// hasCode tells whether Alipay has failed a call with one of these signed codes.
func hasCode(err error, codes ...string) bool {
	failure, ok := errors.AsType[apiError](err)
	return ok && slices.Contains(codes, failure.subCode)
}

// failure is the error of a signed answer that says anything but 10000, and nil otherwise.
func (a answer) failure() error {
	if a.Code == sdk.CodeSuccess {
		return nil
	}
	subCode := strings.TrimPrefix(a.SubCode, "ACQ.")
	return apiError{
		text:    describe(a.Code, a.SubCode, a.SubMsg),
		subCode: subCode,
		refused: isRefusedByGateway(a.Code, a.SubCode) || a.Code == sdk.CodeBusinessFailed && slices.Contains(refusals(), subCode),
	}
}

// unsignedFailure is the error of a call without a signed answer. The gateway does not sign when it does not know whose
// request it is; then a request is refused before it has done anything. No other unsigned code is acted upon.
func unsignedFailure(err error) error {
	failure, ok := errors.AsType[*sdk.Error](err)
	switch {
	case !ok:
		return fmt.Errorf("call alipay: %w", err)
	case failure == nil: // the library's error for a null, whose text cannot be asked for
		return errors.New("alipay answered null")
	}
	return apiError{
		text:    describe(failure.Code, failure.SubCode, failure.SubMsg) + ", unsigned",
		refused: isRefusedByGateway(failure.Code, failure.SubCode),
	}
}

func describe(code sdk.Code, subCode, message string) string {
	return fmt.Sprintf("alipay answered %q %q %q", quoted(string(code)), quoted(subCode), quoted(message))
}

func quoted(text string) string { return text[:min(len(text), quoteBytesMax)] }

// isRefusedByGateway tells whether a request is not fit to be done at all: parameters are missing or wrong, or the
// application may not make this call.
func isRefusedByGateway(code sdk.Code, subCode string) bool {
	switch code {
	case sdk.CodeMissingParam, sdk.CodeInvalidParam, sdk.CodePermissionDenied:
		return !strings.HasPrefix(subCode, "isp.")
	default:
		return false
	}
}

// refusals are the business errors after which nothing was done, and nothing will be by the same call. Those that are
// not here may pass: SYSTEM_ERROR, or SELLER_BALANCE_NOT_ENOUGH, until somebody pays in.
func refusals() []string {
	return []string{
		"INVALID_PARAMETER", tradeNotExist, tradeClosed, tradeFinished, refundTooMuch, "REFUND_AMT_NOT_EQUAL_TOTAL",
		"NOT_ALLOW_PARTIAL_REFUND", "TRADE_NOT_ALLOW_REFUND", "TOTAL_FEE_EXCEED", "EXIST_FORBIDDEN_WORD", "ACCESS_FORBIDDEN",
		"PARTNER_ERROR",
	}
}

// onlyOK lets only answers of status 200 through to the library, which would read any.
type onlyOK struct{ next http.RoundTripper }

func (t onlyOK) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("the gateway answered status %d", response.StatusCode)
	}
	return response, nil
}
