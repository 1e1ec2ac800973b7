package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"boxoffice/scripts/load/traffic"
)

const runIDBytes = 8

// run is the program: prepare, sell, let it come to rest, check, close the sale, report.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	s, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	id := strings.ToLower(rand.Text()[:runIDBytes])
	office := newShop(s.shop)
	defer office.close()
	admin, buyers, err := tokens(ctx, s, office, id)
	if err != nil {
		return err
	}
	made, err := office.addScreening(ctx, admin, s.tickets)
	if err != nil {
		return err
	}
	payer, err := startPayer(ctx, s, buyers)
	if err != nil {
		return errors.Join(err, office.closeSale(ctx, admin, made.ID))
	}
	sold := newSale(s, id, made.ID, buyers, payer.offer)
	defer sold.close()
	r := report{Screening: made.ID, Buyers: s.plan.Workers, Rate: s.plan.Rate}
	r.sell(ctx, s, sold, stderr)

	// Who stops the sale still wants to know whether it was right.
	settleCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settle)
	defer cancel()
	r.Late, r.Unclear = sold.clearUp(settleCtx)
	payer.close()
	r.tally(sold, payer)
	r.Verdict, err = check{office: office, tokens: buyers, paid: payer.paid, sample: s.sample, rest: s.settle / 2}.run(
		settleCtx, made.ID, sold.bought, r.Unclear)
	r.judged(err)
	r.closed(office.closeSale(ctx, admin, made.ID))
	if printErr := r.print(stdout, s.json); printErr != nil {
		return fmt.Errorf("print report: %w", printErr)
	}
	return err
}

// sell runs the plan and shows how far it is.
func (r *report) sell(ctx context.Context, s settings, sold *sale, progress io.Writer) {
	done := func() int64 {
		var n int64
		for i := range sold.counts {
			n += sold.counts[i].Load()
		}
		return n
	}
	total := s.plan.Total()
	if total == 0 {
		total = -1 // a closed loop has no number: the bar counts
	}
	stop := traffic.ShowProgress(ctx, progress, "buying", total, done)
	r.Plan = s.plan.Run(ctx, sold.buy)
	stop()
}
