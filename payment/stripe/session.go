package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	stripego "github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/form"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

const searchPath = "/v1/payment_intents/search"

var (
	errNoReference = fmt.Errorf("%w: it has no reference, start it again", payment.ErrNothingFound)
	errNoSession   = errors.New("the answer lacks the id or the URL of a session")
	errNoPayment   = errors.New("the session is paid and lacks the id of its payment")
)

// Start opens a Checkout Session.
//
// Stripe repeats its first answer to an idempotency key for at least a day, and refuses the key with other parameters.
// So every parameter is one of the attempt that never changes, and expires_at, which would depend on the time of the
// call and on the order's deadline, is left out: a session then expires after a day, and the office closes it before,
// when its order ends. An attempt that is started again after the key is forgotten is a new session, when the first one
// has expired. A session that Stripe has failed to open may exist: nobody knows its URL, and so it is not paid.
//
// Which payment methods the payer can choose from is set in Stripe's Dashboard. Prices are not converted: the payer
// pays the amount of the order in its currency.
func (a *api) Start(ctx context.Context, attempt payment.Attempt) (payment.Started, error) {
	amount, currency, err := toStripe(attempt.Amount)
	if err != nil {
		return payment.Started{}, fmt.Errorf("start payment: %w: %w", payment.ErrRefused, err)
	}
	ours := map[string]string{officeName: a.office, attemptIDName: attempt.ID, orderIDName: attempt.OrderID}
	params := &stripego.CheckoutSessionCreateParams{
		Mode:              stripego.String(string(stripego.CheckoutSessionModePayment)),
		ClientReferenceID: stripego.String(attempt.ID),
		LineItems: []*stripego.CheckoutSessionCreateLineItemParams{{
			Quantity: stripego.Int64(1),
			PriceData: &stripego.CheckoutSessionCreateLineItemPriceDataParams{
				Currency: stripego.String(currency), UnitAmount: stripego.Int64(amount),
				ProductData: &stripego.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripego.String(attempt.Description)},
			},
		}},
		Metadata:          ours,
		PaymentIntentData: &stripego.CheckoutSessionCreatePaymentIntentDataParams{Metadata: ours},
		AdaptivePricing:   &stripego.CheckoutSessionCreateAdaptivePricingParams{Enabled: stripego.Bool(false)},
		SuccessURL:        stripego.String(attempt.ReturnURL),
		CancelURL:         stripego.String(attempt.ReturnURL),
	}
	var session *stripego.CheckoutSession
	err = callOnce("start-"+attempt.ID, true, func(key string) (err error) {
		params.SetIdempotencyKey(key)
		session, err = a.client.V1CheckoutSessions.Create(ctx, params)
		return err
	})
	if err != nil {
		return payment.Started{}, a.failed("start payment", err)
	}
	if !idform.IsVisibleASCII(session.ID, order.IDMax) || !isWebURL(session.URL) {
		return payment.Started{}, fmt.Errorf("start payment: %w", errNoSession)
	}
	return payment.Started{
		Reference: session.ID, Action: payment.Action{Kind: payment.Redirect, URL: session.URL},
	}, nil
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Query asks how a session stands.
func (a *api) Query(ctx context.Context, attempt payment.Attempt) (payment.Status, error) {
	if attempt.Reference == "" {
		return a.search(ctx, attempt)
	}
	_, status, err := a.retrieve(ctx, attempt)
	return status, err
}

// search looks for the money of an attempt whose session nobody knows any more, by the metadata of its payment. It fails with
// errNoReference when it finds none: a session may still be open, and what was paid in the last minute is not found yet.
func (a *api) search(ctx context.Context, attempt payment.Attempt) (payment.Status, error) {
	params := &stripego.SearchParams{
		Context: ctx, Query: fmt.Sprintf(`metadata[%q]:%q AND status:"succeeded"`, attemptIDName, attempt.ID),
	}
	query := &form.Values{}
	form.AppendTo(query, params)
	var page stripego.PaymentIntentSearchResult
	if err := a.backend.CallRaw(http.MethodGet, searchPath, a.key, []byte(query.Encode()), params.GetParams(), &page); err != nil {
		return payment.Status{}, a.failed("look for payment", err)
	}
	if page.URL != searchPath || slices.Contains(page.Data, nil) {
		return payment.Status{}, fmt.Errorf("look for payment: %w", errUnreadable)
	}
	status := payment.Status{State: payment.Paid}
	for _, found := range page.Data {
		if found.Metadata[officeName] != a.office || found.Metadata[attemptIDName] != attempt.ID ||
			found.Status != stripego.PaymentIntentStatusSucceeded {
			continue
		}
		amount, err := fromStripe(found.AmountReceived, string(found.Currency))
		if err == nil && !idform.IsVisibleASCII(found.ID, paymentIDMax) {
			err = errUnreadable
		}
		if err != nil {
			return payment.Status{}, fmt.Errorf("look for payment: %w", err)
		}
		status.Payments = append(status.Payments, payment.Payment{
			ID: found.ID, AttemptID: attempt.ID, OrderID: attempt.OrderID, Amount: amount,
		})
	}
	if len(status.Payments) == 0 {
		return payment.Status{}, fmt.Errorf("look for payment: %w", errNoReference)
	}
	return status, nil
}

// retrieve returns a session and its status. That Stripe has none of this id, which it gave itself, is a refusal and no word of the
// session: the key is that of another account, or of the other mode.
func (a *api) retrieve(ctx context.Context, attempt payment.Attempt) (*stripego.CheckoutSession, payment.Status, error) {
	params := &stripego.CheckoutSessionRetrieveParams{}
	params.AddExpand("payment_intent")
	session, err := a.client.V1CheckoutSessions.Retrieve(ctx, attempt.Reference, params)
	if err != nil {
		return nil, payment.Status{}, a.failed("ask for payment", err)
	}
	status, err := statusOf(session, attempt)
	return session, status, err
}

// Close expires a session. Stripe refuses that for one that is not open, because its payer or another call was faster.
// A payment with a delayed method cannot be stopped any more: it stays open until Stripe knows.
func (a *api) Close(ctx context.Context, attempt payment.Attempt) (payment.Status, error) {
	if attempt.Reference == "" {
		return a.search(ctx, attempt)
	}
	session, err := a.client.V1CheckoutSessions.Expire(ctx, attempt.Reference, &stripego.CheckoutSessionExpireParams{})
	switch {
	case err == nil:
		return statusOf(session, attempt)
	case !isRefusal(err):
		return payment.Status{}, a.failed("close payment", err)
	}
	refused := a.failed("close payment", err)
	session, status, err := a.retrieve(ctx, attempt)
	if err == nil && session.Status == stripego.CheckoutSessionStatusOpen {
		return payment.Status{}, refused
	}
	return status, err
}

// statusOf reads how the session of an attempt stands.
func statusOf(session *stripego.CheckoutSession, attempt payment.Attempt) (payment.Status, error) {
	unpaid := session.PaymentStatus == stripego.CheckoutSessionPaymentStatusUnpaid
	switch {
	case session.ID != attempt.Reference: // a proxy has mixed answers up: the money is another order's
		return payment.Status{}, fmt.Errorf("read session: %w", errOther)
	case session.PaymentStatus == stripego.CheckoutSessionPaymentStatusPaid:
		paid, err := paymentOf(session, attempt.ID, attempt.OrderID)
		if err != nil {
			return payment.Status{}, fmt.Errorf("read session: %w", err)
		}
		return payment.Status{State: payment.Paid, Payments: []payment.Payment{paid}}, nil
	case session.Status == stripego.CheckoutSessionStatusExpired, unpaid && hasFailed(session):
		return payment.Status{State: payment.Closed}, nil
	case session.Status == stripego.CheckoutSessionStatusOpen, unpaid && session.Status == stripego.CheckoutSessionStatusComplete:
		return payment.Status{State: payment.Open}, nil
	default:
		return payment.Status{}, fmt.Errorf("read session: %w %.32q, %.32q", errUnknownState, session.Status, session.PaymentStatus)
	}
}

// hasFailed tells whether the payment of a complete session with a delayed method has failed: a complete session takes
// no other one.
func hasFailed(session *stripego.CheckoutSession) bool {
	if session.Status != stripego.CheckoutSessionStatusComplete || session.PaymentIntent == nil {
		return false
	}
	state := session.PaymentIntent.Status
	return state == stripego.PaymentIntentStatusCanceled || state == stripego.PaymentIntentStatusRequiresPaymentMethod
}

// paymentOf reads the payment of a session that is paid.
func paymentOf(session *stripego.CheckoutSession, attemptID, orderID string) (payment.Payment, error) {
	if session.PaymentIntent == nil || !idform.IsVisibleASCII(session.PaymentIntent.ID, paymentIDMax) {
		return payment.Payment{}, errNoPayment
	}
	amount, err := fromStripe(session.AmountTotal, string(session.Currency))
	if err != nil {
		return payment.Payment{}, err
	}
	return payment.Payment{ID: session.PaymentIntent.ID, AttemptID: attemptID, OrderID: orderID, Amount: amount}, nil
}
