package payment

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Ledger is where the money of one currency is, in minor units, without what is in the archive. All that was received is
// in one of the other places: Received = Applied + Refunded + Returning + Parked + Unclear.
type Ledger struct {
	Currency  string
	Received  int64 // by all payments
	Applied   int64 // kept for orders that are paid
	Refunded  int64 // back with the payers
	Returning int64 // on its way back, or waiting to be sent
	Parked    int64 // of payments that wait for their order, or for its tickets
	Unclear   int64 // of payments with the id of another one, until a person has settled them

	Attention int64 // the part of Returning that needs a person
	OrdersDue int64 // what the orders that are paid cost; equal to Applied but for parts that the office gave back
	PartsBack int64 // those parts

	ArchivedDue int64 // the part of OrdersDue whose orders are in the archive
	JustSettled int64 // what those orders cost that were paid or returned a short while ago, of which stock may not know yet
}

// stockPatience is how long stock may take to learn that an order is paid or its tickets return.
const stockPatience = time.Minute

// StockBehind is how much more the paid orders cost than the tickets that stock has as sold; less than nothing when stock has
// more of them.
func (l Ledger) StockBehind(soldWorth int64) int64 { return l.OrdersDue - l.ArchivedDue - soldWorth }

// AgreesWith tells whether messages that are on their way explain the difference between the paid orders and what stock has as
// sold.
func (l Ledger) AgreesWith(soldWorth int64) bool {
	behind := l.StockBehind(soldWorth)
	return max(behind, -behind) <= l.JustSettled
}

// Balanced tells whether every received amount is accounted for, and every paid order has its money.
func (l Ledger) Balanced() bool {
	return l.Received == l.Applied+l.Refunded+l.Returning+l.Parked+l.Unclear && l.OrdersDue == l.Applied+l.PartsBack
}

// Ledgers adds up all money, one Ledger for each currency, in one reading of the database. What was received and applied
// comes from the payments, what goes back from the refunds, and what is due from the orders, so that a row that is
// missing or doubled in one of them unbalances it. An archived order leaves a payment behind of which a part went back.
func (s *Service) Ledgers(ctx context.Context) ([]Ledger, error) {
	var rows []struct {
		Place    string `db:"place"`
		Currency string `db:"currency"`
		Amount   int64  `db:"amount"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `
		SELECT 'received' AS place, currency, SUM(amount) AS amount FROM payments GROUP BY currency
		UNION ALL SELECT 'applied', currency, SUM(amount - refunded) FROM payments WHERE result = 'applied' GROUP BY currency
		UNION ALL SELECT 'parts', currency, SUM(refunded) FROM payments WHERE result = 'applied' AND refunded > 0 GROUP BY currency
		UNION ALL SELECT 'parked', currency, SUM(amount) FROM payments WHERE result IN ('parked', 'mismatch')
			AND result <> 'applied' AND refunded = 0 GROUP BY currency
		UNION ALL SELECT 'unclear', currency, SUM(amount) FROM reused_payments WHERE settled_at = 0 GROUP BY currency
		UNION ALL SELECT state, currency, SUM(amount) FROM refunds GROUP BY state, currency
		UNION ALL SELECT 'orders', currency, SUM(amount) FROM orders WHERE state = 'PAID' GROUP BY currency
		UNION ALL SELECT 'archived', currency, SUM(amount) FROM payments WHERE result = 'applied' AND refunded > 0
			AND order_id NOT IN (SELECT id FROM orders) GROUP BY currency
		UNION ALL SELECT 'just_settled', currency, SUM(amount) FROM orders WHERE settled_at > ?
			AND (state = 'PAID' OR cancel_reason IN ('office', 'released')) GROUP BY currency`,
		s.Now().Add(-stockPatience).UnixMilli()); err != nil {
		return nil, s.failed("add up money", err)
	}
	ledgers := map[string]*Ledger{}
	for _, r := range rows {
		l := ledgers[r.Currency]
		if l == nil {
			l = &Ledger{Currency: r.Currency}
			ledgers[r.Currency] = l
		}
		l.add(r.Place, r.Amount)
	}
	sorted := make([]Ledger, 0, len(ledgers))
	for _, l := range slices.SortedFunc(maps.Values(ledgers), func(a, b *Ledger) int { return cmp.Compare(a.Currency, b.Currency) }) {
		sorted = append(sorted, *l)
	}
	return sorted, nil
}

// add adds an amount at the place where the database has it.
func (l *Ledger) add(place string, amount int64) {
	switch place {
	case "received":
		l.Received += amount
	case "applied":
		l.Applied += amount
	case "parts":
		l.PartsBack += amount
	case "parked":
		l.Parked += amount
	case "unclear": // received, and not among the payments
		l.Received += amount
		l.Unclear += amount
	case "orders":
		l.OrdersDue += amount
	case "archived":
		l.OrdersDue += amount
		l.ArchivedDue += amount
	case "just_settled":
		l.JustSettled += amount
	case refundDone, refundSettled:
		l.Refunded += amount
	case refundNeedsAttention:
		l.Attention += amount
		l.Returning += amount
	default:
		l.Returning += amount
	}
}
