package office

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"boxoffice/common/event"
	"boxoffice/sale"
	"boxoffice/stock"
)

const currency = "CNY"

// act is something that is planned: a buyer comes, an operator does something, a part fails. A history can be repeated with some
// of its acts alone.
type act struct {
	n    int
	at   time.Duration
	what string
	do   func(ctx context.Context)
}

// screeningsOf are what there is to sell. The first act of each history, which nothing disturbs, puts them on sale.
func screeningsOf(dice *rand.Rand, start time.Time, hours int) []stock.Screening {
	var all []stock.Screening
	for i := range 2 + dice.IntN(2) {
		s := stock.Screening{
			ID: fmt.Sprintf("screening-%d", i), Movie: "Film", Venue: "House", StartsAt: start.Add(time.Duration(hours) * time.Hour),
			Price: event.Money{Amount: int64(1000 + 500*dice.IntN(5)), Currency: currency}, Capacity: int64(4 + dice.IntN(16)),
			SaleOpensAt: start.Add(-time.Hour), SaleClosesAt: start.Add(time.Duration(hours) * time.Hour),
			PerUserLimit: []int64{0, 2, 3, 4}[dice.IntN(4)],
			LatePayment:  []event.LatePayment{event.LateRefund, event.LateRevive}[dice.IntN(2)],
		}
		all = append(all, s)
	}
	return all
}

// purchase is what one or several buyers ask for at once. Some keys have been used before.
func purchase(dice *rand.Rand, screenings []stock.Screening, n int) []sale.Request {
	var requests []sale.Request
	for i := range []int{1, 1, 1, 2, 5}[dice.IntN(5)] {
		key := fmt.Sprintf("key-%d-%d", n, i)
		if dice.IntN(10) == 0 {
			key = fmt.Sprintf("key-%d-0", max(0, n-1-dice.IntN(5)))
		}
		requests = append(requests, sale.Request{
			BuyerID: fmt.Sprintf("buyer-%d", dice.IntN(8)), Key: key,
			ScreeningID: screenings[dice.IntN(len(screenings))].ID, Quantity: int64(1 + dice.IntN(3)),
		})
	}
	return requests
}
