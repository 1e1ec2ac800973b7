package doctor

import (
	"context"
	"errors"
	"time"

	"boxoffice/common/sentence"
	"boxoffice/notify"
)

// mailTimeout bounds what is read of mail and SMS: whatever becomes of them, the rest of an office is examined.
const mailTimeout = 2 * time.Second

// examineMails names what buyers were to be told and were not. A database that does not answer is a trouble of its own.
func examineMails(ctx context.Context, o Office, r *Report) error {
	if o.Mails == nil {
		return nil
	}
	for after := ""; ; {
		dead, next, err := readDeadMails(ctx, o, after)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case errors.Is(err, notify.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
			r.add(Trouble{Kind: MailAway, ID: "mail"}.tells(sentence.New("mail_error", "{error}",
				"error", sentence.Word{Kind: "error", Value: err.Error()})))
			return nil
		case err != nil:
			return err
		}
		for _, n := range dead {
			r.add(deadMail(n))
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

func readDeadMails(ctx context.Context, o Office, after string) ([]notify.Notification, string, error) {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	return o.Mails.Find(ctx, notify.Filter{State: notify.StateDead, AfterID: after, Limit: pageSize})
}

// deadMail is mended by sending it again, which helps once its cause is gone: a mailbox that was full, a wrong setting.
func deadMail(n notify.Notification) Trouble {
	return Trouble{Kind: DeadMail, ID: n.ID}.tells(sentence.New("mail_given_up",
		"{kind} by {channel}, of order {order}: given up; tries: {count}, the last: {error}",
		"kind", sentence.Word{Kind: "mail", Value: string(n.Kind)}, "channel", sentence.Word{Kind: "channel", Value: string(n.Channel)},
		"order", n.OrderID, "count", n.Tries, "error", sentence.Word{Kind: "error", Value: n.LastError}),
	).mends(sentence.New("send_again", "send it again"), remedy{mails: []string{n.ID}})
}
