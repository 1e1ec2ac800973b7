package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"boxoffice/common/idform"
	"boxoffice/payment"
)

const (
	attachMax  = 128 - payment.MarkMax // characters of an order's id, which WeChat Pay hands back with the office's mark
	codeURLMax = 512

	chinaOffset = 8 * 60 * 60 // seconds; WeChat Pay writes times of its own zone
)

// errOtherAnswer says that an answer is not about what was asked for.
var errOtherAnswer = errors.New("the answer is about something else")

// apiClient calls WeChat Pay. The library signs the calls and checks the signatures of the answers, whose timestamps it
// compares with the machine's clock.
type apiClient struct {
	account     account
	callbackURL func() string
	orders      native.NativeApiService
	refunds     refunddomestic.RefundsApiService
	deadlines   func() time.Time // the time in which attempts expire
}

// codeLives is for how long a code can be shown. It is dead after two hours, and its payer needs some minutes of them.
const codeLives = 2*time.Hour - 5*time.Minute

// lastCodeLives is for how long the code of an order can be paid that was made when its time was nearly over, or over.
const lastCodeLives = time.Minute

// Start makes a native order, whose code the payer scans. The same order again has a code again, maybe another one.
//
// WeChat Pay refuses to make an order again with another value, such as another callback URL; one that is closed
// (ORDER_CLOSED), which never opens again; and one that is paid (ORDERPAID). The last is no refusal to us, because money
// has moved: to ask for the attempt, or its callback, tells more. An order whose time is over already lives a minute.
func (c *apiClient) Start(ctx context.Context, a payment.Attempt) (payment.Started, error) {
	const doing = "start payment"
	if a.Amount.Currency != currency {
		return payment.Started{}, fmt.Errorf("%s: %w: only %s can be paid", doing, payment.ErrRefused, currency)
	}
	if !idform.IsVisibleASCII(a.OrderID, attachMax) {
		return payment.Started{}, fmt.Errorf("%s: %w: the order's id is too long", doing, payment.ErrRefused)
	}
	answer, err := c.prepay(ctx, a, payment.MarkOrder(a.OrderID, c.account.office))
	if isOtherOrder(err) {
		answer, err = c.prepay(ctx, a, a.OrderID) // as it was made by an office that gave no mark
	}
	if err != nil {
		return payment.Started{}, callError(doing, err)
	}
	code := value(answer.CodeUrl)
	if !idform.IsVisibleASCII(code, codeURLMax) {
		return payment.Started{}, fmt.Errorf("%s: the answer has no code to show", doing)
	}
	return payment.Started{Action: payment.Action{Kind: payment.ShowQR, QR: code}, Lives: codeLives}, nil
}

// prepay makes an order, with which WeChat Pay hands attach back.
func (c *apiClient) prepay(ctx context.Context, a payment.Attempt, attach string) (*native.PrepayResponse, error) {
	answer, _, err := c.orders.Prepay(ctx, native.PrepayRequest{
		Appid: core.String(c.account.appID), Mchid: core.String(c.account.merchantID), Description: core.String(a.Description),
		OutTradeNo: core.String(a.ID), TimeExpire: core.Time(a.ExpiresAt.In(time.FixedZone("", chinaOffset))),
		Attach: core.String(attach), NotifyUrl: core.String(c.callbackURL()),
		Amount: &native.Amount{Total: core.Int64(a.Amount.Amount), Currency: core.String(currency)},
	})
	return answer, err
}

// Query asks how an attempt stands.
func (c *apiClient) Query(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	_, status, err := c.find(ctx, a)
	return status, err
}

// find asks for the transaction of an attempt, and returns its state in WeChat Pay's word and in ours.
func (c *apiClient) find(ctx context.Context, a payment.Attempt) (tradeState string, status payment.Status, err error) {
	const doing = "ask for payment"
	t, _, err := c.orders.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String(a.ID), Mchid: core.String(c.account.merchantID),
	})
	switch {
	case isUnknown(err):
		return "", c.unknown(a), nil
	case err != nil:
		return "", payment.Status{}, callError(doing, err)
	case value(t.OutTradeNo) != a.ID, !c.account.owns(t):
		return "", payment.Status{}, fmt.Errorf("%s: %w", doing, errOtherAnswer)
	}
	status, err = c.account.attemptStatus(t, a)
	if err != nil {
		return "", payment.Status{}, fmt.Errorf("%s: %w", doing, err)
	}
	return value(t.TradeState), status, nil
}

// unknown is how an attempt stands that WeChat Pay does not know: open until it expires, and its last code is dead. It may not have
// stored the order everywhere yet, and its payer may have a code that lives.
func (c *apiClient) unknown(a payment.Attempt) payment.Status {
	if c.deadlines().Before(a.ExpiresAt.Add(lastCodeLives)) {
		return payment.Status{State: payment.Open}
	}
	return payment.Status{State: payment.Closed}
}

// Close closes an order, and asks how it stands then: the payer may have been faster. WeChat Pay advises to wait some
// minutes after an order was made, because it may refuse to close one that it has not stored everywhere yet. Such a
// refusal is an error, and the call is repeated.
func (c *apiClient) Close(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	answer, err := c.orders.CloseOrder(ctx, native.CloseOrderRequest{
		OutTradeNo: core.String(a.ID), Mchid: core.String(c.account.merchantID),
	})
	closed := err == nil && answer.Response.StatusCode == http.StatusNoContent // 202 says that the payer is paying
	code := codeOf(err)
	switch {
	case isUnknown(err):
		return c.unknown(a), nil
	case code == codeOrderClosed:
		return payment.Status{State: payment.Closed}, nil
	}
	if err != nil {
		err = callError("close payment", err)
		if code != codeOrderPaid && !errors.Is(err, payment.ErrRefused) {
			return payment.Status{}, err
		}
	}
	tradeState, status, findErr := c.find(ctx, a)
	switch {
	case findErr != nil:
		return payment.Status{}, findErr
	case err != nil && status.State == payment.Open:
		return payment.Status{}, err
	case closed && tradeState == tradePayError: // what could still be paid is closed now
		return payment.Status{State: payment.Closed}, nil
	}
	return status, nil
}

// Refund sends money back. The same key again is the same refund, as it stands now.
func (c *apiClient) Refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	const doing = "refund"
	if r.Amount.Currency != currency || r.Total.Currency != currency {
		return payment.RefundStatus{}, fmt.Errorf("%s: %w: only %s can be refunded", doing, payment.ErrRefused, currency)
	}
	answer, _, err := c.refunds.Create(ctx, refunddomestic.CreateRequest{
		TransactionId: core.String(r.PaymentID), OutRefundNo: core.String(r.Key), Reason: core.String(r.Reason),
		NotifyUrl: core.String(c.callbackURL()), Amount: &refunddomestic.AmountReq{
			Refund: core.Int64(r.Amount.Amount), Total: core.Int64(r.Total.Amount), Currency: core.String(currency),
		},
	})
	if err != nil {
		return payment.RefundStatus{}, callError(doing, err)
	}
	return answeredRefund(doing, answer, r)
}

// QueryRefund asks how a refund stands that was sent. One that WeChat Pay does not know yet is asked for again: it
// answers so for some time after it has taken a refund.
func (c *apiClient) QueryRefund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	const doing = "ask for refund"
	answer, _, err := c.refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String(r.Key)})
	switch {
	case isUnknown(err):
		return payment.RefundStatus{}, fmt.Errorf("%s: WeChat Pay does not know it", doing)
	case err != nil:
		return payment.RefundStatus{}, callError(doing, err)
	}
	return answeredRefund(doing, answer, r)
}

// answeredRefund reads an answer about a refund.
func answeredRefund(doing string, answer *refunddomestic.Refund, r payment.Refund) (payment.RefundStatus, error) {
	if value(answer.OutRefundNo) != r.Key {
		return payment.RefundStatus{}, fmt.Errorf("%s: %w", doing, errOtherAnswer)
	}
	state := ""
	if answer.Status != nil {
		state = string(*answer.Status)
	}
	status, err := refundStatus(state, value(answer.RefundId))
	if err != nil {
		return payment.RefundStatus{}, fmt.Errorf("%s: %w", doing, err)
	}
	return status, nil
}
