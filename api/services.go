package api

import (
	"context"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/stock"
)

// Stock is what the API calls of the stock service.
type Stock interface {
	Screenings(ctx context.Context, which stock.Sales, cursor string, limit int) (items []stock.Screening, next string, err error)
	Screening(ctx context.Context, id string) (stock.Screening, error)
	AddScreening(ctx context.Context, s stock.Screening) (stock.Screening, error)
	ChangeScreening(ctx context.Context, id string, change stock.ScreeningChange) (stock.Screening, error)
	Reservation(ctx context.Context, buyerID, orderID string) (stock.Reservation, error)
	Reservations(ctx context.Context, buyerID, cursor string, limit int) (items []stock.Reservation, next string, err error)
}

// Seller is what the API calls to sell tickets. The same buyer and key always give the same order. Refuse is the cheap
// check before a purchase is decoded: an error is the answer, nil means that Purchase decides.
type Seller interface {
	Refuse(ctx context.Context, screeningID, buyerID, key string) error
	Purchase(ctx context.Context, p sale.Request) (stock.Reservation, error)
}

// Orders is what the API calls of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
	Pay(ctx context.Context, p order.Payment) (order.PaymentResult, error)
	Cancel(ctx context.Context, o event.Order, held bool) (order.Order, error)
}
