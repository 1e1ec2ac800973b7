package stripe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	stripego "github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/form"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
)

// The metadata of a refund.
const (
	refundKeyName    = "refund_key"
	refundReasonName = "reason" // Stripe's own field of that name has other values
)

const (
	refundsPath    = "/v1/refunds"
	refundPage     = 100 // refunds of a payment that are listed at once, the most that Stripe gives
	refundPagesMax = 10
	detailMax      = 300
)

var (
	errUnknownRefund  = errors.New("the payment has no refund of this key")
	errTooManyRefunds = errors.New("the payment has too many refunds to look through")
	errOtherCurrency  = errors.New("not the currency of the payment")
)

// keyPatience is how long a refund that Stripe has failed to make has to be looked for in vain until it may be made under another
// idempotency key: should it have been made all the same, it is among those of its payment by then.
const keyPatience = 5 * time.Minute

// Refund sends money back. First it looks for a refund of the same key: Stripe forgets an idempotency key after a day,
// and would send money again. Within that day the idempotency key makes one refund of two calls at once.
func (a *api) Refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	amount, _, err := toStripe(r.Amount)
	if err == nil && r.Amount.Currency != r.Total.Currency {
		err = errOtherCurrency
	}
	if err != nil {
		return payment.RefundStatus{}, fmt.Errorf("refund: %w: %w", payment.ErrRefused, err)
	}
	found, err := a.findRefund(ctx, r)
	switch {
	case err == nil:
		return refundStatusOf(found)
	case !errors.Is(err, errUnknownRefund):
		return payment.RefundStatus{}, err
	}
	params := &stripego.RefundCreateParams{
		PaymentIntent: stripego.String(r.PaymentID), Amount: stripego.Int64(amount),
		Metadata: map[string]string{officeName: a.office, refundKeyName: r.Key, refundReasonName: r.Reason},
	}
	var made *stripego.Refund
	err = callOnce(r.Key, r.Waited >= keyPatience, func(key string) (err error) {
		params.SetIdempotencyKey(key)
		made, err = a.client.V1Refunds.Create(ctx, params)
		return err
	})
	if err != nil {
		return payment.RefundStatus{}, a.failed("refund", err)
	}
	if made.Metadata[refundKeyName] != r.Key { // asked again, it is found by its key, or made
		return payment.RefundStatus{}, fmt.Errorf("refund: %w", errOther)
	}
	return refundStatusOf(made)
}

// QueryRefund asks how a refund stands, by its own id if that is known.
func (a *api) QueryRefund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	if r.Reference == "" {
		found, err := a.findRefund(ctx, r)
		if err != nil {
			return payment.RefundStatus{}, err
		}
		return refundStatusOf(found)
	}
	found, err := a.client.V1Refunds.Retrieve(ctx, r.Reference, &stripego.RefundRetrieveParams{})
	if err != nil {
		return payment.RefundStatus{}, a.failed("ask for refund", err)
	}
	if found.ID != r.Reference {
		return payment.RefundStatus{}, fmt.Errorf("ask for refund: %w", errOther)
	}
	return refundStatusOf(found)
}

// findRefund finds the refund of a key among those of its payment, or fails with errUnknownRefund. It asks for each
// page itself: the library's iterator panics at a list that has a null in it, or that announces more and has nothing.
func (a *api) findRefund(ctx context.Context, r payment.Refund) (*stripego.Refund, error) {
	params := &stripego.RefundListParams{PaymentIntent: stripego.String(r.PaymentID)}
	params.Context, params.Limit = ctx, stripego.Int64(refundPage)
	for range refundPagesMax {
		query := &form.Values{}
		form.AppendTo(query, params)
		var page stripego.RefundList
		if err := a.backend.CallRaw(http.MethodGet, refundsPath, a.key, []byte(query.Encode()), params.GetParams(), &page); err != nil {
			return nil, a.failed("look for refund", err)
		}
		if page.URL != refundsPath || slices.Contains(page.Data, nil) || page.HasMore && len(page.Data) == 0 {
			return nil, fmt.Errorf("look for refund: %w", errUnreadable)
		}
		for _, found := range page.Data {
			if found.Metadata[refundKeyName] == r.Key {
				return found, nil
			}
		}
		if !page.HasMore {
			return nil, fmt.Errorf("look for refund: %w", errUnknownRefund)
		}
		params.StartingAfter = stripego.String(page.Data[len(page.Data)-1].ID)
	}
	return nil, fmt.Errorf("look for refund: %w", errTooManyRefunds)
}

// refundStatusOf reads how a refund stands.
func refundStatusOf(r *stripego.Refund) (payment.RefundStatus, error) {
	status := payment.RefundStatus{}
	if idform.IsVisibleASCII(r.ID, order.IDMax) {
		status.Reference = r.ID
	}
	switch r.Status {
	case stripego.RefundStatusPending, stripego.RefundStatusRequiresAction:
		status.State = payment.RefundPending
	case stripego.RefundStatusSucceeded:
		status.State = payment.RefundDone
	case stripego.RefundStatusFailed, stripego.RefundStatusCanceled:
		status.State = payment.RefundFailed
		status.Detail = fmt.Sprintf("%.*s", detailMax, cmp.Or(string(r.FailureReason), string(r.Status)))
	default:
		return payment.RefundStatus{}, fmt.Errorf("read refund: %w %.32q", errUnknownState, r.Status)
	}
	return status, nil
}
