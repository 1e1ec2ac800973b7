package stripe

import (
	"encoding/json"
	"strings"

	stripego "github.com/stripe/stripe-go/v82"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	keyCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	keyMax        = 64
)

// reportOf says what an event means. One of another type, or of something that this office has not made with the
// account, is an empty report.
func reportOf(e stripego.Event, office string) (payment.Report, error) {
	if !idform.IsVisibleASCII(e.ID, order.IDMax) {
		return payment.Report{}, notAllowed("id")
	}
	report := payment.Report{ID: e.ID}
	var err error
	switch e.Type {
	case stripego.EventTypeCheckoutSessionCompleted, stripego.EventTypeCheckoutSessionExpired,
		stripego.EventTypeCheckoutSessionAsyncPaymentSucceeded, stripego.EventTypeCheckoutSessionAsyncPaymentFailed:
		err = addSession(&report, e, office)
	case stripego.EventTypeRefundCreated, stripego.EventTypeRefundUpdated, stripego.EventTypeRefundFailed,
		stripego.EventTypeChargeRefundUpdated:
		err = addRefund(&report, e, office)
	}
	if err != nil {
		return payment.Report{}, err
	}
	return report, nil
}

// addSession adds what an event says of a session. A session is complete and unpaid while a delayed payment method is
// under way, of which one more event tells the end.
func addSession(report *payment.Report, e stripego.Event, office string) error {
	var session stripego.CheckoutSession
	if err := readObject(e, &session); err != nil {
		return err
	}
	attemptID, orderID := session.Metadata[attemptIDName], session.Metadata[orderIDName]
	if session.Metadata[officeName] != office || attemptID == "" || attemptID != session.ClientReferenceID {
		return nil
	}
	switch {
	case session.PaymentStatus == stripego.CheckoutSessionPaymentStatusPaid:
		if !idform.IsVisibleASCII(attemptID, order.IDMax) || !idform.IsVisibleASCII(orderID, order.IDMax) {
			return notAllowed("metadata")
		}
		paid, err := paymentOf(&session, attemptID, orderID)
		if err != nil {
			return payment.BadCallback{Detail: "The session's payment cannot be taken: " + err.Error() + ".", Readable: true}
		}
		if idform.IsVisibleASCII(session.ID, order.IDMax) {
			paid.Reference = session.ID
		}
		report.Payments = []payment.Payment{paid}
	case e.Type == stripego.EventTypeCheckoutSessionExpired, e.Type == stripego.EventTypeCheckoutSessionAsyncPaymentFailed:
		report.Closed = []string{attemptID}
	}
	return nil
}

// addRefund adds what an event says of a refund.
func addRefund(report *payment.Report, e stripego.Event, office string) error {
	var refund stripego.Refund
	if err := readObject(e, &refund); err != nil {
		return err
	}
	key := refund.Metadata[refundKeyName]
	if refund.Metadata[officeName] != office || !idform.IsVisibleASCII(key, keyMax) || strings.Trim(key, keyCharacters) != "" {
		return nil
	}
	status, err := refundStatusOf(&refund)
	if err != nil {
		return notAllowed("status")
	}
	report.Refunds = []payment.RefundReport{{Key: key, RefundStatus: status}}
	return nil
}

// readObject reads the object that an event is about.
func readObject(e stripego.Event, into any) error {
	if e.Data == nil || json.Unmarshal(e.Data.Raw, into) != nil {
		return payment.BadCallback{Detail: "The event's data.object cannot be read."}
	}
	return nil
}

func notAllowed(field string) error {
	return payment.BadCallback{Detail: "The value of " + field + " is not allowed.", Readable: true}
}
