package doctor

import (
	"context"

	"boxoffice/common/sentence"
)

// examineUnattended looks for payment providers whose work nobody does.
func examineUnattended(ctx context.Context, o Office, r *Report) error {
	found, err := o.Payments.Unattended(ctx)
	if err != nil {
		return err
	}
	for _, u := range found {
		r.add(Trouble{Kind: UnattendedPayments, ID: u.Provider}.tells(sentence.New("unattended",
			"payments that may still be paid: {payments}, refunds that are not back: {refunds}; nobody looks after them: configure the "+
				"provider {provider} again where the role order runs, or settle its refunds by hand",
			"payments", u.Attempts, "refunds", u.Refunds, "provider", u.Provider)))
	}
	return nil
}
