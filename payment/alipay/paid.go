package alipay

import (
	"cmp"
	"fmt"
	"net/url"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/payment"
)

const tradeNoMax = 64 // by Alipay's rules, of its own numbers and of ours

// paidTrade is what a notification or the answer to a query says of a trade that was paid.
type paidTrade struct {
	no, outNo, passback, body string
	total, currency           string // the currency is given for foreign ones only
}

// payment returns the trade as a payment, or what is wrong with it in one sentence. The order's id is empty if the
// trade has none. The amount is what the trade cost, and what can go back, not what the payer's discounts have left of
// it.
func (t paidTrade) payment() (p payment.Payment, invalid string) {
	amount, err := parseYuan(t.total)
	switch {
	case !order.IsVisibleASCII(t.no, tradeNoMax):
		return p, fmt.Sprintf("trade_no must have 1 to %d visible ASCII characters.", tradeNoMax)
	case !order.IsVisibleASCII(t.outNo, tradeNoMax):
		return p, fmt.Sprintf("out_trade_no must have 1 to %d visible ASCII characters.", tradeNoMax)
	case cmp.Or(t.currency, currency) != currency:
		return p, "trans_currency must be " + currency + ", or not there."
	case err != nil || amount < 1:
		return p, "total_amount must be an amount in yuan, of 0.01 or more."
	}
	return payment.Payment{
		ID: t.no, AttemptID: t.outNo, OrderID: orderID(t.passback, t.body),
		Amount: event.Money{Amount: amount, Currency: currency},
	}, ""
}

// orderID finds the order's id, which Start sends twice: not every product of Alipay returns passback_params, and body
// may be cut.
func orderID(passback, body string) string {
	if id, err := url.QueryUnescape(passback); err == nil && order.IsVisibleASCII(id, order.IDMax) {
		return id
	}
	if order.IsVisibleASCII(body, order.IDMax) {
		return body
	}
	return ""
}
