package alipay

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/smartwalle/alipay/v3"

	"boxoffice/payment"
)

// What Alipay says of a refund. Of the states only the first is documented for this call; the others are those of its
// sibling that works in the background.
const (
	moneyMoved = "Y"

	refundSuccess    = "REFUND_SUCCESS"
	refundProcessing = "REFUND_PROCESSING"
	refundFail       = "REFUND_FAIL"
)

var errOtherRefund = errors.New("alipay answered for another refund")

// Refund sends money back. Alipay sends it once for each out_request_no of a trade. The answer to the first request
// says whether money has moved; that to a repeated one always says that none has, so it takes a question to know.
func (p *Provider) Refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	status, err := p.send(ctx, r)
	if !hasCode(err, tradeClosed, tradeFinished, refundTooMuch) {
		return status, err
	}
	// All money of the trade is back. Perhaps it was this refund that has sent the last of it.
	state, askErr := p.ask(ctx, r)
	switch {
	case askErr != nil && !errors.Is(askErr, payment.ErrRefused):
		return payment.RefundStatus{}, askErr
	case state == payment.RefundDone:
		return payment.RefundStatus{State: state}, nil
	}
	return payment.RefundStatus{}, err
}

// QueryRefund asks how a refund stands that was sent. Alipay says nothing of one that has failed or has never arrived,
// and wants it sent again, with the same out_request_no.
func (p *Provider) QueryRefund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	state, err := p.ask(ctx, r)
	if err != nil {
		return payment.RefundStatus{}, err
	}
	if state != "" {
		return payment.RefundStatus{State: state}, nil
	}
	status, err := p.Refund(ctx, r)
	if errors.Is(err, payment.ErrRefused) {
		return payment.RefundStatus{State: payment.RefundFailed, Detail: err.Error()}, nil
	}
	return status, err
}

// send sends a refund.
func (p *Provider) send(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	amount, err := formatYuan(r.Amount)
	if err != nil {
		return payment.RefundStatus{}, fmt.Errorf("refund: %w", err)
	}
	got, err := p.gateway.call(ctx, sdk.TradeRefund{
		TradeNo: r.PaymentID, OutRequestNo: r.Key, RefundAmount: amount, RefundReason: r.Reason,
	})
	switch {
	case err != nil:
		return payment.RefundStatus{}, fmt.Errorf("refund: %w", err)
	case got.TradeNo != r.PaymentID:
		return payment.RefundStatus{}, fmt.Errorf("refund: %w", errOtherRefund)
	case got.FundChange == moneyMoved:
		return payment.RefundStatus{State: payment.RefundDone}, nil
	}
	return payment.RefundStatus{State: payment.RefundPending}, nil
}

// ask asks for the state of a refund, which is empty if Alipay has no refund of this key that succeeded or may yet.
func (p *Provider) ask(ctx context.Context, r payment.Refund) (payment.RefundState, error) {
	got, err := p.gateway.call(ctx, sdk.TradeFastPayRefundQuery{TradeNo: r.PaymentID, OutRequestNo: r.Key})
	switch {
	case err != nil:
		return "", fmt.Errorf("ask for refund: %w", err)
	case got.RefundStatus == "":
		return "", nil
	case got.TradeNo != r.PaymentID || got.OutRequestNo != r.Key:
		return "", fmt.Errorf("ask for refund: %w", errOtherRefund)
	}
	switch got.RefundStatus {
	case refundSuccess:
		return payment.RefundDone, nil
	case refundProcessing:
		return payment.RefundPending, nil
	case refundFail:
		return payment.RefundFailed, nil
	}
	return "", fmt.Errorf("ask for refund: unknown state %q", quoted(got.RefundStatus))
}
