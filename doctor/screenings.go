package doctor

import (
	"context"

	"boxoffice/common/sentence"
	"boxoffice/order"
)

// examineScreenings compares each screening's counters with its reservations, which one statement reads together. The sums
// of its orders are only shown: they stand in another database, and orders are compared one by one.
func examineScreenings(ctx context.Context, o Office, r *Report) error {
	tickets, err := o.Orders.TicketsByState(ctx)
	if err != nil {
		return err
	}
	for after := ""; ; {
		accounts, err := o.Stock.Accounts(ctx, after, pageSize)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			after = a.ScreeningID
			of := tickets[a.ScreeningID]
			r.Screenings = append(r.Screenings, Screening{
				a.ScreeningID, a.Capacity, a.Available, a.Reserved, a.Sold, a.HeldSum, a.SoldSum,
				of[order.PendingPayment], of[order.Paid], of[order.Cancelled],
			})
			if !a.Balanced() {
				r.add(Trouble{Kind: UnbalancedStock, ID: a.ScreeningID}.tells(sentence.New("stock_sums",
					"capacity {capacity} is counted as {available} available, {reserved} reserved, {sold} sold, "+
						"but reservations hold {held_sum} and have sold {sold_sum}", "capacity", a.Capacity, "available", a.Available,
					"reserved", a.Reserved, "sold", a.Sold, "held_sum", a.HeldSum, "sold_sum", a.SoldSum)))
			}
		}
	}
}

// examineArchives looks for screenings whose archiving, or restoring, was begun and is at a standstill. Their orders are
// in the file, and some of them are not in the databases.
func examineArchives(ctx context.Context, o Office, r *Report) error {
	archives, err := o.Stock.UnfinishedArchives(ctx)
	for _, a := range archives {
		r.add(Trouble{Kind: UnfinishedArchive, ID: a.ScreeningID}.tells(sentence.New("archive_stands",
			"nobody is at work on it: run boxoffice archive, or restore it, where the file {file} is", "file", a.File)))
	}
	return err
}
