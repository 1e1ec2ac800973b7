package alipay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"boxoffice/common/idform"
	"boxoffice/payment"
)

const (
	productPage = "FAST_INSTANT_TRADE_PAY"
	productWap  = "QUICK_WAP_WAY"
	productQR   = "FACE_TO_FACE_PAYMENT"

	codeMax = 1024 // characters of a QR code, by Alipay's rules
)

// codeLives is for how long a QR code can be shown. It is dead after two hours, and its payer needs some minutes of them.
const codeLives = 2*time.Hour - 5*time.Minute

var errOtherTrade = errors.New("alipay answered for another trade")

// Start opens an attempt. Alipay takes one payment for an out_trade_no, however often a URL or a code is made for it, and
// whichever time_expire each of them has: the trade has that of the one by which its payer comes first.
func (p *Provider) Start(ctx context.Context, a payment.Attempt) (payment.Started, error) {
	amount, err := formatYuan(a.Amount)
	if err != nil {
		return payment.Started{}, fmt.Errorf("start payment: %w", err)
	}
	trade := sdk.Trade{
		NotifyURL: p.opts.CallbackURL(), ReturnURL: a.ReturnURL, OutTradeNo: a.ID, TotalAmount: amount,
		Subject:        strings.NewReplacer("/", " ", "=", " ", "&", " ").Replace(a.Description), // Alipay forbids these
		PassbackParams: passback(a.OrderID, p.opts.Office), Body: a.OrderID,
		TimeExpire: a.ExpiresAt.In(chinaTime()).Format(timeLayout),
	}
	started := payment.Started{}
	if p.opts.QR {
		started.Lives = codeLives
		started.Action, err = p.code(ctx, a, trade)
	} else {
		started.Action, err = p.page(trade)
	}
	if err != nil {
		return payment.Started{}, fmt.Errorf("start payment: %w", err)
	}
	return started, nil
}

// page makes the signed URL of Alipay's page. That needs no call: the trade begins to exist at Alipay when the payer
// opens the URL, and it cannot be paid after its time_expire.
func (p *Provider) page(trade sdk.Trade) (payment.Action, error) {
	var param sdk.Param
	if p.opts.Wap {
		trade.ProductCode = productWap
		param = sdk.TradeWapPay{Trade: trade, QuitURL: trade.ReturnURL, TimeExpire: trade.TimeExpire}
	} else {
		trade.ProductCode = productPage
		param = sdk.TradePagePay{Trade: trade}
	}
	link, err := p.gateway.clients[0].BuildURL(param)
	if err != nil {
		return payment.Action{}, fmt.Errorf("sign request: %w", err)
	}
	return payment.Action{Kind: payment.Redirect, URL: link.String()}, nil
}

// code gets a QR code from Alipay. An attempt that can no longer be paid, or was, is started again only to learn what
// the first start has done. Alipay has no code for it: all that is left to its payer is to go back to the shop.
func (p *Provider) code(ctx context.Context, a payment.Attempt, trade sdk.Trade) (payment.Action, error) {
	nothingToPay := payment.Action{Kind: payment.Redirect, URL: a.ReturnURL}
	if !p.opts.Deadlines().Before(a.ExpiresAt) {
		return nothingToPay, nil
	}
	trade.ProductCode = productQR
	got, err := p.gateway.call(ctx, sdk.TradePreCreate{Trade: trade})
	switch {
	case hasCode(err, tradePaid, tradeClosed, tradeFinished):
		return nothingToPay, nil
	case err != nil:
		return payment.Action{}, err
	case got.OutTradeNo != a.ID:
		return payment.Action{}, errOtherTrade
	case !idform.IsVisibleASCII(got.QRCode, codeMax):
		return payment.Action{}, errors.New("alipay answered without a QR code")
	}
	return payment.Action{Kind: payment.ShowQR, QR: got.QRCode}, nil
}

// Query asks how an attempt stands.
func (p *Provider) Query(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	got, err := p.gateway.call(ctx, sdk.TradeQuery{OutTradeNo: a.ID})
	switch {
	case hasCode(err, tradeNotExist):
		return p.unopened(a), nil
	case err != nil:
		return payment.Status{}, fmt.Errorf("ask for payment: %w", err)
	case got.OutTradeNo != a.ID:
		return payment.Status{}, fmt.Errorf("ask for payment: %w", errOtherTrade)
	}
	switch got.TradeStatus {
	case sdk.TradeStatusWaitBuyerPay:
		return payment.Status{State: payment.Open}, nil
	case sdk.TradeStatusClosed:
		if !got.wasPaid() {
			return payment.Status{State: payment.Closed}, nil
		}
	case sdk.TradeStatusSuccess, sdk.TradeStatusFinished:
	default:
		return payment.Status{}, fmt.Errorf("ask for payment: unknown state %q", quoted(string(got.TradeStatus)))
	}
	paid, invalid := paidTrade{
		no: got.TradeNo, outNo: got.OutTradeNo, passback: got.PassbackParams, body: got.Body,
		total: got.TotalAmount, currency: got.TransCurrency, office: p.opts.Office,
	}.payment()
	if invalid != "" {
		return payment.Status{}, fmt.Errorf("ask for payment: %s", invalid)
	}
	return payment.Status{State: payment.Paid, Payments: []payment.Payment{paid}}, nil
}

// wasPaid tells a closed trade that was paid, and then refunded as a whole, from one that never was: only the former
// has a time of payment, or sums that were paid.
func (a answer) wasPaid() bool {
	return a.SendPayDate != "" || isSum(a.ReceiptAmount) || isSum(a.BuyerPayAmount)
}

// unopened is how an attempt stands that Alipay does not know: open until it expires, since its payer may still open the page,
// or scan the code, for the first time.
func (p *Provider) unopened(a payment.Attempt) payment.Status {
	if p.opts.Deadlines().Before(a.ExpiresAt) {
		return payment.Status{State: payment.Open}
	}
	return payment.Status{State: payment.Closed}
}

// Close closes an attempt that is not paid. Of one that Alipay does not know there is nothing to close yet.
func (p *Provider) Close(ctx context.Context, a payment.Attempt) (payment.Status, error) {
	got, err := p.gateway.call(ctx, sdk.TradeClose{OutTradeNo: a.ID})
	switch {
	case hasCode(err, tradeNotExist):
		return p.unopened(a), nil
	case hasCode(err, "REASON_TRADE_STATUS_INVALID", "REASON_ILLEGAL_STATUS", "TRADE_STATUS_ERROR", tradePaid, tradeClosed, tradeFinished):
		return p.Query(ctx, a) // it is not waiting for its payer any more
	case err != nil:
		return payment.Status{}, fmt.Errorf("close payment: %w", err)
	case got.OutTradeNo != "" && got.OutTradeNo != a.ID:
		return payment.Status{}, fmt.Errorf("close payment: %w", errOtherTrade)
	}
	return payment.Status{State: payment.Closed}, nil
}
