package doctor

import (
	"context"
	"fmt"
)

// examineUnattended looks for payment providers whose work nobody does.
func examineUnattended(ctx context.Context, o Office, r *Report) error {
	found, err := o.Payments.Unattended(ctx)
	if err != nil {
		return err
	}
	for _, u := range found {
		r.add(Trouble{Kind: UnattendedPayments, ID: u.Provider, Detail: fmt.Sprintf("%d payments may still be paid and %d refunds are "+
			"not back, and nobody looks after them: configure the provider %s again where the role order runs, or settle its refunds by hand",
			u.Attempts, u.Refunds, u.Provider)})
	}
	return nil
}
