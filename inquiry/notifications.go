package inquiry

import (
	"context"
	"time"

	"boxoffice/common/audit"
	"boxoffice/notify"
)

// mailTimeout bounds what is read of mail and SMS: without it an order is explained all the same.
const mailTimeout = 2 * time.Second

// Notifications is what is called of mail and SMS.
type Notifications interface {
	OfOrder(ctx context.Context, orderID string) ([]notify.Notification, error)
	ActsOn(ctx context.Context, ids ...string) ([]audit.Recorded, error)
}

// readNotifications reads what the buyer of an order was told, and what operators did to that. A database that does not answer
// leaves it out, and the dossier says so.
func (d *Desk) readNotifications(ctx context.Context, dossier *Dossier) {
	if d.notifications == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	found, err := d.notifications.OfOrder(ctx, dossier.OrderID)
	var acts []audit.Recorded
	if err == nil {
		ids := make([]string, len(found))
		for i, n := range found {
			ids[i] = n.ID
		}
		acts, err = d.notifications.ActsOn(ctx, ids...)
	}
	dossier.Notifications, dossier.MailAway = found, err != nil
	dossier.Acts = append(dossier.Acts, acts...)
}
