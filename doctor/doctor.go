// Package doctor finds where the services and the message queue disagree about orders, tickets and payments, and sends
// again what a loss has left behind. Examine changes nothing; Fix does only what may come twice. Both can be run beside a
// running office.
package doctor

import (
	"context"
	"fmt"
)

// Examine reads everything once and changes nothing. It fails when a database does not answer; a queue that does not is
// a trouble of its own.
func Examine(ctx context.Context, o Office) (*Report, error) {
	r := newReport(o.Now())
	for _, examine := range []func(context.Context, Office, *Report) error{
		examineScreenings, examineReservations, examineOrders, examineBooks, examinePayments, examineArchives, examineMails, examineQueue,
	} {
		if err := examine(ctx, o, r); err != nil {
			return nil, fmt.Errorf("examine: %w", err)
		}
	}
	return r, nil
}
