package alipay

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	signType = "RSA2"

	// oldest is the age after which a notification is not believed. Alipay repeats one for 24 hours and 22 minutes. It
	// does not say whether notify_time is then that of the first one; either way no notification is older.
	oldest  = 25 * time.Hour
	newest  = 15 * time.Minute // ahead of our clock
	lateFor = 25 * time.Hour   // after its payment, a trade is finished because it can no longer be refunded
)

// Verify checks the signature of a notification, and reads it. All that it says is in its body, a form; its headers say
// nothing.
func (p *Provider) Verify(_ context.Context, _ http.Header, body []byte) (payment.Report, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil || isAmbiguous(values) || !isCanonicalBase64(values.Get("sign")) || values.Get("sign_type") != signType {
		return payment.Report{}, payment.ErrForged
	}
	n, ok := p.verified(values)
	if !ok || n.AppId != p.opts.AppID || p.opts.SellerID != "" && n.SellerId != p.opts.SellerID || !p.isFresh(n.NotifyTime) {
		return payment.Report{}, payment.ErrForged
	}
	return report(n, values.Get("trans_currency"), p.opts.Office)
}

// verified returns a notification that is signed with one of Alipay's keys.
func (p *Provider) verified(values url.Values) (*sdk.Notification, bool) {
	for _, client := range p.gateway.clients {
		if n, err := client.DecodeNotification(values); err == nil {
			return n, true
		}
	}
	return nil, false
}

// isAmbiguous tells whether parameters could have been moved about under the same signature. It signs a=1&b=2 without
// escapes, as it does one parameter a whose value is 1&b=2. The library knows nothing of that, and reads the first of
// two parameters of one name.
func isAmbiguous(values url.Values) bool {
	for name, given := range values {
		if len(given) != 1 || !isName(name) {
			return true
		}
		for _, part := range strings.Split(given[0], "&")[1:] {
			if inner, _, found := strings.Cut(part, "="); found && isName(inner) {
				return true
			}
		}
	}
	return false
}

func isName(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// isCanonicalBase64 tells whether a text is the only one for its bytes. The library takes others too.
func isCanonicalBase64(text string) bool {
	raw, err := base64.StdEncoding.DecodeString(text)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == text
}

func (p *Provider) isFresh(notifyTime string) bool {
	sent, err := time.ParseInLocation(timeLayout, notifyTime, chinaTime())
	now := p.opts.Now()
	return err == nil && !sent.Before(now.Add(-oldest)) && !sent.After(now.Add(newest))
}

// report says what a notification means. One about a refund means nothing here, since refunds are asked for: it names
// the trade's status too, but the trade may be closed because it was refunded as a whole.
func report(n *sdk.Notification, transCurrency, office string) (payment.Report, error) {
	if !idform.IsVisibleASCII(n.NotifyId, order.IDMax) {
		return payment.Report{}, bad(fmt.Sprintf("notify_id must have 1 to %d visible ASCII characters.", order.IDMax))
	}
	empty := payment.Report{ID: n.NotifyId}
	if n.NotifyType != sdk.NotifyTypeTradeStatusSync || n.GmtRefund != "" || isSum(n.RefundFee) {
		return empty, nil
	}
	switch n.TradeStatus {
	case sdk.TradeStatusSuccess, sdk.TradeStatusFinished:
		if isLate(n) {
			return empty, nil
		}
		return paid(n, transCurrency, office)
	case sdk.TradeStatusClosed:
		if n.GmtPayment != "" {
			return empty, nil
		}
		if !idform.IsVisibleASCII(n.OutTradeNo, tradeNoMax) {
			return payment.Report{}, bad(fmt.Sprintf("out_trade_no must have 1 to %d visible ASCII characters.", tradeNoMax))
		}
		return payment.Report{ID: n.NotifyId, Closed: []string{n.OutTradeNo}}, nil
	}
	return empty, nil
}

// paid is the report of a trade that was paid.
func paid(n *sdk.Notification, transCurrency, office string) (payment.Report, error) {
	p, invalid := paidTrade{
		no: n.TradeNo, outNo: n.OutTradeNo, passback: n.PassbackParams, body: n.Body,
		total: n.TotalAmount, currency: transCurrency, office: office,
	}.payment()
	if invalid == "" && p.OrderID == "" {
		invalid = "passback_params or body must have the id of the order."
	}
	if invalid != "" {
		return payment.Report{}, bad(invalid)
	}
	return payment.Report{ID: n.NotifyId, Payments: []payment.Payment{p}}, nil
}

// isLate tells whether a trade is reported as finished long after its payment, which was reported then: months later,
// when it can no longer be refunded. The order may be in the archive, and its money would look like new money.
func isLate(n *sdk.Notification) bool {
	at, err := time.ParseInLocation(timeLayout, n.GmtPayment, chinaTime())
	sent, sentErr := time.ParseInLocation(timeLayout, n.NotifyTime, chinaTime())
	return n.TradeStatus == sdk.TradeStatusFinished && err == nil && sentErr == nil && sent.Sub(at) > lateFor
}

func bad(detail string) error { return payment.BadCallback{Detail: detail, Readable: true} }
