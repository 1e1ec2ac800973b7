package wechat

import (
	"fmt"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"boxoffice/common/idform"
	"boxoffice/common/strictjson"
	"boxoffice/order"
	"boxoffice/payment"
)

// The types of notifications. Those that are not here are taken and ignored.
const (
	transactionSuccess = "TRANSACTION.SUCCESS"
	refundPrefix       = "REFUND."
	refundSuccess      = refundPrefix + "SUCCESS"
	refundAbnormal     = refundPrefix + "ABNORMAL"
	refundClosed       = refundPrefix + "CLOSED"
)

const (
	algorithm     = "AEAD_AES_256_GCM"
	gcmNonceBytes = 12
	refundKeyMax  = 64
)

// envelope is the body of a notification: what is signed, around what is encrypted.
type envelope struct {
	ID        string   `json:"id"`
	EventType string   `json:"event_type"`
	Resource  resource `json:"resource"`
}

// resource is what a notification says, encrypted.
type resource struct {
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// refundNotice is what a notification says of a refund. It names no application.
type refundNotice struct {
	MerchantID string `json:"mchid"`
	Key        string `json:"out_refund_no"`
	ID         string `json:"refund_id"`
	Status     string `json:"refund_status"`
}

// reader reads notifications whose signature was checked.
type reader struct {
	account account
	keys    []string // APIv3
}

// read reads the body of a notification: first its type, and the rest of one whose type is known.
func (r reader) read(body []byte) (payment.Report, error) {
	var kind struct {
		ID        string `json:"id"`
		EventType string `json:"event_type"`
	}
	if err := strictjson.UnmarshalKnown(body, &kind); err != nil {
		return payment.Report{}, unreadable(err)
	}
	if !idform.IsVisibleASCII(kind.ID, order.IDMax) {
		return payment.Report{}, invalid(fmt.Sprintf("id must have 1 to %d visible ASCII characters.", order.IDMax))
	}
	report := payment.Report{ID: kind.ID}
	var err error
	switch kind.EventType {
	case transactionSuccess:
		report.Payments, err = r.payments(body)
	case refundSuccess, refundAbnormal, refundClosed:
		report.Refunds, err = r.refunds(body, strings.TrimPrefix(kind.EventType, refundPrefix))
	}
	if err != nil {
		return payment.Report{}, err
	}
	return report, nil
}

// payments reads a notification of a payment. One of another state than success says nothing of money, and is asked for.
func (r reader) payments(body []byte) ([]payment.Payment, error) {
	var t payments.Transaction
	if err := r.open(body, &t); err != nil {
		return nil, err
	}
	if !r.account.owns(&t) {
		return nil, fmt.Errorf("%w: it is of another merchant or application", payment.ErrForged)
	}
	if value(t.TradeState) != tradeSuccess {
		return nil, nil
	}
	paid, wrong := r.account.takenPayment(&t)
	if wrong == "" {
		wrong = invalidOrderID(paid.OrderID)
	}
	if wrong != "" {
		return nil, invalid(wrong)
	}
	return []payment.Payment{paid}, nil
}

// refunds reads a notification of a refund, whose status is also the end of the notification's type.
func (r reader) refunds(body []byte, status string) ([]payment.RefundReport, error) {
	var notice refundNotice
	if err := r.open(body, &notice); err != nil {
		return nil, err
	}
	switch {
	case notice.MerchantID != r.account.merchantID:
		return nil, fmt.Errorf("%w: it is of another merchant", payment.ErrForged)
	case notice.Status != status:
		return nil, invalid("refund_status must be as event_type says.")
	case !idform.IsVisibleASCII(notice.Key, refundKeyMax):
		return nil, invalid(fmt.Sprintf("out_refund_no must have 1 to %d visible ASCII characters.", refundKeyMax))
	}
	result, err := refundStatus(status, notice.ID)
	if err != nil {
		return nil, invalid(err.Error())
	}
	return []payment.RefundReport{{Key: notice.Key, RefundStatus: result}}, nil
}

// open decrypts what a notification says with one of the keys, and decodes it. What another key has encrypted is not for us.
// The library decrypts, and would panic at a nonce of another length.
func (r reader) open(body []byte, into any) error {
	var e envelope
	if err := strictjson.UnmarshalKnown(body, &e); err != nil {
		return unreadable(err)
	}
	if e.Resource.Algorithm != algorithm {
		return invalid("resource.algorithm must be " + algorithm + ".")
	}
	if len(e.Resource.Nonce) != gcmNonceBytes {
		return fmt.Errorf("%w: its nonce has another length", payment.ErrForged)
	}
	text, err := r.decrypt(e.Resource)
	if err != nil {
		return err
	}
	if err := strictjson.UnmarshalKnown([]byte(text), into); err != nil {
		return unreadable(err)
	}
	return nil
}

// decrypt tries one key after the other: a notification does not say with which it is encrypted.
func (r reader) decrypt(from resource) (string, error) {
	for _, key := range r.keys {
		if text, err := utils.DecryptAES256GCM(key, from.AssociatedData, from.Nonce, from.Ciphertext); err == nil {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w: it is not encrypted with an APIv3 key that is configured", payment.ErrForged)
}

// unreadable is the error for a signed body that is not what the documentation describes.
func unreadable(err error) error {
	return payment.BadCallback{Detail: strictjson.Describe(err)}
}

// invalid is the error for a signed body with a value that is not allowed.
func invalid(detail string) error {
	return payment.BadCallback{Detail: detail, Readable: true}
}
