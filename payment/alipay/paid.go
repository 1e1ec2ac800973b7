package alipay

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const tradeNoMax = 64 // by Alipay's rules, of its own numbers and of ours

// paidTrade is what a notification or the answer to a query says of a trade that was paid.
type paidTrade struct {
	no, outNo, passback, body string
	total, currency           string // the currency is given for foreign ones only
	office                    string // that reads it
}

// payment returns the trade as a payment, or what is wrong with it in one sentence. The order's id is empty if the
// trade has none. The amount is what the trade cost, and what can go back, not what the payer's discounts have left of
// it.
func (t paidTrade) payment() (p payment.Payment, invalid string) {
	amount, err := parseYuan(t.total)
	switch {
	case !idform.IsVisibleASCII(t.no, tradeNoMax):
		return p, fmt.Sprintf("trade_no must have 1 to %d visible ASCII characters.", tradeNoMax)
	case !idform.IsVisibleASCII(t.outNo, tradeNoMax):
		return p, fmt.Sprintf("out_trade_no must have 1 to %d visible ASCII characters.", tradeNoMax)
	case cmp.Or(t.currency, currency) != currency:
		return p, "trans_currency must be " + currency + ", or not there."
	case err != nil || amount < 1:
		return p, "total_amount must be an amount in yuan, of 0.01 or more."
	}
	p = payment.Payment{ID: t.no, AttemptID: t.outNo, Amount: event.Money{Amount: amount, Currency: currency}}
	p.OrderID, p.Foreign = orderID(t.passback, t.body, t.office)
	return p, ""
}

// passback is what Alipay is to hand back. A blank is written so that whoever decodes it as a form or not reads the same.
func passback(orderID, office string) string {
	return strings.ReplaceAll(url.QueryEscape(payment.MarkOrder(orderID, office)), "+", "%20")
}

// orderID finds the order's id, which Start sends twice: not every product of Alipay returns passback_params, and body
// may be cut. Only the former have the office's mark: what is the body of a trade may be shown to its payer.
func orderID(passback, body, office string) (id string, foreign bool) {
	if text, err := url.QueryUnescape(passback); err == nil {
		if id, foreign = payment.ReadMark(text, office); idform.IsVisibleASCII(id, order.IDMax) {
			return id, foreign
		}
	}
	if idform.IsVisibleASCII(body, order.IDMax) {
		return body, false
	}
	return "", false
}
