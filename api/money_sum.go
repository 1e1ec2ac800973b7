package api

import (
	"context"

	"boxoffice/order"
	"boxoffice/stock"
)

// moneyPage is how many orders' payments are added up at a time.
const moneyPage = 5000

type orderLister interface {
	OrderKeys(ctx context.Context, screeningID string, afterTime int64, afterOrder string, limit int) ([]stock.OrderKey, error)
}

type moneyAdder interface {
	SumMoney(ctx context.Context, orderIDs []string) (order.Money, error)
}

// moneySum adds up what was paid for the orders of a screening, which stock knows, and the order service their payments.
func moneySum(s orderLister, o moneyAdder) func(ctx context.Context, screeningID string) (order.Money, error) {
	return func(ctx context.Context, screeningID string) (sum order.Money, err error) {
		for after := (stock.OrderKey{}); ; {
			orders, err := s.OrderKeys(ctx, screeningID, after.CreatedAt, after.OrderID, moneyPage)
			if err != nil || len(orders) == 0 {
				return sum, err
			}
			after = orders[len(orders)-1]
			ids := make([]string, len(orders))
			for i, found := range orders {
				ids[i] = found.OrderID
			}
			page, err := o.SumMoney(ctx, ids)
			if err != nil {
				return sum, err
			}
			sum.Received += page.Received
			sum.Refunded += page.Refunded
		}
	}
}
