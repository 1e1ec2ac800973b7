package stock

import (
	"context"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

func (s *Stock) Check(context.Context, mq.Half) mq.Outcome   { return mq.Unknown }
func (s *Stock) Settle(context.Context, event.Settled) error { return ErrUnavailable }
func (s *Stock) Screenings(context.Context, string, int) ([]Screening, string, error) {
	return nil, "", ErrUnavailable
}
func (s *Stock) Screening(context.Context, string) (Screening, error) {
	return Screening{}, ErrUnavailable
}
func (s *Stock) AddScreening(context.Context, Screening) (Screening, error) {
	return Screening{}, ErrUnavailable
}
func (s *Stock) ChangeScreening(context.Context, string, ScreeningChange) (Screening, error) {
	return Screening{}, ErrUnavailable
}
func (s *Stock) Reservation(ctx context.Context, buyerID, orderID string) (Reservation, error) {
	return Reservation{}, ErrUnavailable
}
func (s *Stock) Reservations(ctx context.Context, buyerID, cursor string, limit int) ([]Reservation, string, error) {
	return nil, "", ErrUnavailable
}

type Seller struct{}

func NewSeller(context.Context, *Stock, *mq.Transactor) *Seller { return &Seller{} }
func (s *Seller) Close()                                        {}
func (s *Seller) Purchase(context.Context, PurchaseRequest) (Reservation, error) {
	return Reservation{}, ErrUnavailable
}

type Sweeper struct{}

func NewSweeper(*Stock, *mq.Sender) *Sweeper          { return &Sweeper{} }
func (w *Sweeper) Sweep(context.Context) (int, error) { return 0, nil }
func (w *Sweeper) Run(ctx context.Context)            { <-ctx.Done() }
func OrderID(buyerID, key string) string              { return "" }
