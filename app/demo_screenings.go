package app

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
)

// addDemoScreenings puts some screenings on sale for the demo. A later start leaves those that are there as they are.
func addDemoScreenings(ctx context.Context, service *stock.Stock, now time.Time) error {
	now = now.Truncate(time.Hour)
	for _, s := range []stock.Screening{
		{
			ID: "casablanca", Movie: "Casablanca", Venue: "Rex, hall 1", Capacity: 100, PerUserLimit: 4,
			Price: event.Money{Amount: 4900, Currency: "CNY"}, StartsAt: now.Add(72 * time.Hour),
			SaleOpensAt: now, SaleClosesAt: now.Add(71 * time.Hour),
		},
		{
			ID: "metropolis", Movie: "Metropolis", Venue: "Rex, hall 2", Capacity: 3, PerUserLimit: 2,
			Price: event.Money{Amount: 6900, Currency: "CNY"}, StartsAt: now.Add(96 * time.Hour),
			SaleOpensAt: now, SaleClosesAt: now.Add(95 * time.Hour),
		},
		{
			ID: "nosferatu", Movie: "Nosferatu", Venue: "Open air", Capacity: 100_000, PerUserLimit: 0,
			Price: event.Money{Amount: 2900, Currency: "CNY"}, StartsAt: now.Add(240 * time.Hour),
			SaleOpensAt: now, SaleClosesAt: now.Add(239 * time.Hour),
		},
		{
			ID: "stalker", Movie: "Stalker", Venue: "Rex, hall 1", Capacity: 50, PerUserLimit: 2,
			Price: event.Money{Amount: 5900, Currency: "CNY"}, StartsAt: now.Add(480 * time.Hour),
			SaleOpensAt: now.Add(24 * time.Hour), SaleClosesAt: now.Add(479 * time.Hour),
		},
	} {
		if _, err := service.AddScreening(ctx, s); err != nil {
			return fmt.Errorf("seed the demo: %w", err)
		}
	}
	return nil
}
