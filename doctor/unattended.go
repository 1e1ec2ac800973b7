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
	return examineUnanswered(ctx, o, r)
}

// examineUnanswered looks for payments whose provider does not say how they stand, after their orders have ended.
func examineUnanswered(ctx context.Context, o Office, r *Report) error {
	found, err := o.Payments.Unanswered(ctx)
	if err != nil {
		return err
	}
	for _, u := range found {
		t := Trouble{Kind: UnansweredPayments, ID: u.Provider}.tells(sentence.New("unanswered",
			"payments whose orders have ended, and of which the provider {provider} does not say how they stand: {payments}; it may be away, "+
				"or refuse the office's key, as the log says", "provider", u.Provider, "payments", u.Attempts))
		if u.Accounts != "" {
			t = t.tells(sentence.New("started_with_account", "they were started with the account {account}: while another one is configured, "+
				"nobody can be asked for them", "account", u.Accounts))
		}
		r.add(t)
	}
	return nil
}
