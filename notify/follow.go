package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/order"
)

// HandleTimeout bounds the handling of one message of any topic.
const HandleTimeout = 20 * time.Second

const followRounds = 20

// Reserve handles stock-reserved: buyers with a contact are told that their tickets are held. The message says all that is
// needed, and nothing else is asked: it is the one that comes for each purchase.
func (s *Service) Reserve(ctx context.Context, reserved event.Reserved) error {
	all := make([]news, len(reserved.Orders))
	for i, o := range reserved.Orders {
		all[i] = reservedNews(o)
	}
	return s.record(ctx, all)
}

// Settle handles order-settled: buyers are told that their orders are paid or cancelled. A message only says where to look:
// what is told is decided by the order's row, so messages may come twice, late or in any order.
func (s *Service) Settle(ctx context.Context, settled event.Settled) error {
	ids := make([]string, len(settled.Orders))
	for i, o := range settled.Orders {
		ids[i] = o.OrderID
	}
	orders, err := s.find(ctx, ids)
	if err != nil {
		return err
	}
	var all []news
	for _, o := range orders {
		if o.State != order.PendingPayment {
			all = append(all, newsOf(o))
		}
	}
	return s.record(ctx, all)
}

// Refund handles refund-sent: buyers are told that money is on its way back to them. Whose money it is is known by its order:
// of one that never was, or is in the archive, nobody is told.
func (s *Service) Refund(ctx context.Context, sent event.RefundsSent) error {
	ids := make([]string, len(sent.Refunds))
	for i, r := range sent.Refunds {
		ids[i] = r.OrderID
	}
	orders, err := s.find(ctx, ids)
	if err != nil {
		return err
	}
	var all []news
	for _, r := range sent.Refunds {
		if o, exists := orders[r.OrderID]; exists {
			n := newsOf(o)
			n.kind, n.about, n.amount = KindRefunded, r.ID, r.Amount
			all = append(all, n)
		}
	}
	return s.record(ctx, all)
}

// reservedNews is what is to be told of an order whose tickets are held, whether or not it is made yet.
func reservedNews(o event.Order) news {
	return news{orderID: o.ID, screeningID: o.ScreeningID, buyerID: o.BuyerID, kind: KindReserved}
}

// newsOf is what is to be told of an order as it stands. A buyer can be told of one order that it was cancelled as unpaid,
// that it was paid late after all, and that the office has cancelled it: so a cancellation is told by its reason.
func newsOf(o order.Order) news {
	n := news{orderID: o.ID, screeningID: o.ScreeningID, buyerID: o.BuyerID}
	switch o.State {
	case order.PendingPayment:
		n.kind = KindReserved
	case order.Paid:
		n.kind = KindPaid
	case order.Cancelled:
		n.kind, n.about = KindCancelled, string(o.CancelReason)
	}
	return n
}

// follow tells a buyer of the orders that the buyer may still do something about. One whose tickets are held and which the
// order service has not made yet is told as reserved, since stock-reserved may have come before the contact: its row waits for
// it. Another one that the order service lacks is in the archive. What of these orders could not be sent before for want of
// a contact, or at another address, is due again, whatever it tells: its worker sees whether it is still true.
func (s *Service) follow(ctx context.Context, buyerID string, purchases []Purchase) error {
	ids := make([]string, len(purchases))
	for i, p := range purchases {
		ids[i] = p.ID
	}
	orders, err := s.find(ctx, ids)
	if err != nil {
		return err
	}
	var all []news
	for _, p := range purchases {
		o, exists := orders[p.ID]
		switch {
		case exists && o.BuyerID == buyerID && o.State != order.Cancelled:
			all = append(all, newsOf(o))
		case !exists && p.BuyerID == buyerID && p.Held:
			all = append(all, reservedNews(p.Order))
		}
	}
	if err := s.record(ctx, all); err != nil || len(ids) == 0 {
		return err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return sendElsewhere(ctx, tx, s.Now(), `buyer_id = ? AND order_id IN `+db.In(len(ids)), append([]any{buyerID}, db.Args(ids)...)...)
	})
	return s.unavailable(err)
}

// find reads orders, unless nobody could be told of them.
func (s *Service) find(ctx context.Context, ids []string) (map[string]order.Order, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) == 0 || len(s.Senders) == 0 {
		return nil, nil
	}
	orders, err := s.Orders.Find(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("read orders to tell of: %w", err)
	}
	return orders, nil
}

// record writes what is to be told to those buyers who have a contact, once for each channel. Most have none, and then there
// is nothing to write.
func (s *Service) record(ctx context.Context, all []news) error {
	all = slices.DeleteFunc(all, func(n news) bool {
		if !n.fits() {
			s.Log.WarnContext(ctx, "pass over what cannot be told", "order_id", n.orderID, "kind", n.kind, "about", n.about)
		}
		return !n.fits()
	})
	if len(all) == 0 || len(s.Senders) == 0 {
		return nil
	}
	buyers := make([]string, len(all))
	for i, n := range all {
		buyers[i] = n.buyerID
	}
	contacts, err := readContacts(ctx, s.db, buyers)
	if err != nil {
		return s.unavailable(err)
	}
	var rows []row
	now := s.Now()
	for _, n := range all {
		for channel := range s.Senders {
			if contacts[n.buyerID].at(channel) != "" {
				rows = append(rows, n.on(channel, s.Process, now))
			}
		}
	}
	return s.insert(ctx, rows)
}

// insert writes those rows that are not there, in the order of their ids, so that two processes that write the same ones
// wait for each other. It reads and writes again when another one was faster.
func (s *Service) insert(ctx context.Context, rows []row) error {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.ID, b.ID) })
	rows = slices.CompactFunc(rows, func(a, b row) bool { return a.ID == b.ID })
	err := s.db.Again(followRounds, func() error {
		missing, err := missingRows(ctx, s.db, rows)
		if err != nil || len(missing) == 0 {
			return s.unavailable(err)
		}
		err = s.db.InTx(ctx, func(tx *db.Tx) error {
			err := insertRows(ctx, tx, missing)
			failpoint.Hit("mail.before-commit")
			return err
		})
		failpoint.Hit("mail.noted")
		return s.unavailable(err)
	})
	if errors.Is(err, db.ErrOvertaken) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
