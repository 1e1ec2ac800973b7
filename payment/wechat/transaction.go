package wechat

import (
	"fmt"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"

	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	currency         = "CNY" // the only one of a merchant in mainland China
	transactionIDMax = 64    // WeChat Pay's has 28 digits
)

// The states of a transaction that are told apart.
const (
	tradeSuccess  = "SUCCESS"
	tradePayError = "PAYERROR"
)

// attemptState says what a transaction's state means for an attempt.
//
// WeChat Pay documents PAYERROR, REVOKED and USERPAYING as states of payment codes (a till scans the payer), not of QR
// codes that the payer scans. Should PAYERROR come nevertheless, the code may still be paid until the order is closed, so
// it is open: an attempt is called closed only if no money can come any more.
func attemptState(tradeState string) (payment.AttemptState, error) {
	switch tradeState {
	case "NOTPAY", "USERPAYING", "ACCEPT", tradePayError:
		return payment.Open, nil
	case tradeSuccess, "REFUND": // of the latter the money was taken, and goes back
		return payment.Paid, nil
	case "CLOSED", "REVOKED":
		return payment.Closed, nil
	}
	return "", fmt.Errorf("unknown state %q", cut(tradeState))
}

// attemptStatus says how an attempt stands by its transaction.
func (of account) attemptStatus(t *payments.Transaction, a payment.Attempt) (payment.Status, error) {
	state, err := attemptState(value(t.TradeState))
	if err != nil || state != payment.Paid {
		return payment.Status{State: state}, err
	}
	paid, invalid := of.takenPayment(t)
	if paid.OrderID == "" {
		paid.OrderID = a.OrderID
	}
	if invalid == "" {
		invalid = invalidOrderID(paid.OrderID)
	}
	if invalid != "" {
		return payment.Status{}, fmt.Errorf("answer cannot be taken: %s", invalid)
	}
	return payment.Status{State: state, Payments: []payment.Payment{paid}}, nil
}

// takenPayment returns the payment of a transaction whose money was taken, or says which value cannot be stored. The
// order's id is to be checked by the caller.
//
// The amount is the total, which the order cost, and which a refund must name. The payer's total is less when the payer
// used coupons; who gave them pays the rest: WeChat Pay, or this merchant, who then knows of the discount that it gave.
func (of account) takenPayment(t *payments.Transaction) (p payment.Payment, invalid string) {
	p = payment.Payment{ID: value(t.TransactionId), AttemptID: value(t.OutTradeNo)}
	p.OrderID, p.Foreign = payment.ReadMark(value(t.Attach), of.office)
	if t.Amount != nil && t.Amount.Total != nil {
		p.Amount.Amount = *t.Amount.Total
	}
	p.Amount.Currency = currency
	if t.Amount != nil && t.Amount.Currency != nil {
		p.Amount.Currency = *t.Amount.Currency
	}
	switch {
	case !idform.IsVisibleASCII(p.ID, transactionIDMax):
		return p, fmt.Sprintf("transaction_id must have 1 to %d visible ASCII characters.", transactionIDMax)
	case !idform.IsVisibleASCII(p.AttemptID, order.IDMax):
		return p, fmt.Sprintf("out_trade_no must have 1 to %d visible ASCII characters.", order.IDMax)
	case !event.IsCurrency(p.Amount.Currency):
		return p, "amount.currency must be three capital letters."
	case p.Amount.Amount < 1:
		return p, "amount.total must be 1 or more fen."
	}
	return p, ""
}

// invalidOrderID says what is wrong with an order's id, or "".
func invalidOrderID(id string) string {
	if idform.IsVisibleASCII(id, order.IDMax) {
		return ""
	}
	return fmt.Sprintf("attach must be an order's id of 1 to %d visible ASCII characters.", order.IDMax)
}
