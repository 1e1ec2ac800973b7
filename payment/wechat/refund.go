package wechat

import (
	"fmt"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

// refundStatus says how a refund stands by WeChat Pay's word for it. One that did not get there is told in words, since
// WeChat Pay gives no reason: an ABNORMAL one waits in the merchant platform for a person, who can send it to another
// account of the payer, and its amount stays reserved; of a CLOSED one the money is still the merchant's.
func refundStatus(status, id string) (payment.RefundStatus, error) {
	result := payment.RefundStatus{Reference: reference(id)}
	switch status {
	case "PROCESSING":
		result.State = payment.RefundPending
	case "SUCCESS":
		result.State = payment.RefundDone
	case "CLOSED":
		result.State, result.Detail = payment.RefundFailed, "CLOSED: WeChat Pay has closed the refund"
	case "ABNORMAL":
		result.State = payment.RefundStuck
		result.Detail = "ABNORMAL: the payer's account takes no money; finish this refund in the merchant platform of WeChat Pay"
	default:
		return payment.RefundStatus{}, fmt.Errorf("unknown state %q of a refund", cut(status))
	}
	return result, nil
}

// reference keeps out of the database what cannot be a reference.
func reference(text string) string {
	if !idform.IsVisibleASCII(text, order.IDMax) {
		return ""
	}
	return text
}
