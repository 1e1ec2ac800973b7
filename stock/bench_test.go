package stock

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock/stocktest"
)

// cpu is the processor time of this process so far: unlike the wall clock it does not count what other programs do.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkReserve is the local transaction of a list, with its commit. cpu-us/order is the figure to compare.
func BenchmarkReserve(b *testing.B) {
	for _, size := range []int{1, 16, 128, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := New(stocktest.NewDB(b), Options{})
			now := time.Now()
			screening, err := s.AddScreening(b.Context(), Screening{
				Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(time.Hour), Capacity: 1e8,
				Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(time.Hour),
			})
			if err != nil {
				b.Fatal(err)
			}
			start, list := cpu(b), 0
			for b.Loop() {
				l := ReservationList{TxID: fmt.Sprint("tx-", list), Tickets: map[string]int64{screening.ID: int64(size)}}
				for n := range size {
					buyer := fmt.Sprint(list*7919+n*104729, "-buyer")
					l.Orders = append(l.Orders, event.Order{
						ID: NewID(time.Now()), BuyerID: buyer, ScreeningID: screening.ID, Quantity: 1,
						Amount: screening.Price, CreatedAt: now.UnixMilli(), ExpiresAt: now.UnixMilli(),
					})
					l.Requests = append(l.Requests, RequestID(buyer, "k"))
				}
				list++
				if outcome, err := s.execute(b.Context(), l); outcome != mq.Commit {
					b.Fatal(err)
				}
			}
			orders := float64(list * size)
			b.ReportMetric(float64((cpu(b)-start).Microseconds())/orders, "cpu-us/order")
			b.ReportMetric(orders/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// BenchmarkSettlement reads what a list of orders settles, by sums and one by one.
func BenchmarkSettlement(b *testing.B) {
	const size = 256
	s := New(stocktest.NewDB(b), Options{})
	now := time.Now()
	screening, err := s.AddScreening(b.Context(), Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(time.Hour), Capacity: 1e8,
		Price: event.Money{Amount: 4900, Currency: "CNY"}, SaleOpensAt: now, SaleClosesAt: now.Add(time.Hour),
	})
	if err != nil {
		b.Fatal(err)
	}
	var ids []string
	for list := range 40 { // as a table that is in use
		l := ReservationList{TxID: fmt.Sprint("tx-", list), Tickets: map[string]int64{screening.ID: size}}
		for n := range size {
			buyer := fmt.Sprint(list*7919+n*104729, "-buyer")
			order := event.Order{ID: NewID(now), BuyerID: buyer, ScreeningID: screening.ID, Quantity: 1, Amount: screening.Price}
			l.Orders, l.Requests = append(l.Orders, order), append(l.Requests, RequestID(buyer, "k"))
			ids = append(ids, order.ID)
		}
		if outcome, err := s.execute(b.Context(), l); outcome != mq.Commit {
			b.Fatal(err)
		}
	}
	for name, read := range map[string]func() error{
		"sums": func() error {
			added, err := s.addSums(b.Context(), newSettlement(), ids[:size], Sold)
			if err == nil && !added {
				err = errors.New("added nothing")
			}
			return err
		},
		"each": func() error { return s.addEach(b.Context(), newSettlement(), ids[:size], event.Paid) },
	} {
		b.Run(name, func(b *testing.B) {
			start, reads := cpu(b), 0
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
				reads++
			}
			b.ReportMetric(float64((cpu(b)-start).Microseconds())/float64(reads*size), "cpu-us/order")
		})
	}
}
