// Package cluster drills the cluster profile of scripts/stack: each of its parts dies or hangs while tickets are sold,
// and after each fault the office is held to what buyers were told.
package cluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"boxoffice/scripts/wait"
)

// Run starts the cluster, does the drill that args ask for, prints its table to out and takes the cluster down again. It
// fails when a promise was broken.
func Run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	faults, err := s.plan()
	if err != nil {
		return err
	}
	cluster, err := startStack(ctx, s)
	if !s.keep {
		defer func() { err = errors.Join(err, cluster.down(context.WithoutCancel(ctx))) }()
	}
	if err != nil {
		return err
	}
	d := &drill{settings: s, stack: cluster, out: out}
	if d.shop, err = newShop(cluster.shops(), cluster.env["BOXOFFICE_JWT_SECRET"], cluster.env["BOXOFFICE_WEBHOOK_SECRET"]); err != nil {
		return err
	}
	if d.screening, err = d.shop.addScreening(ctx, capacity); err != nil {
		return err
	}
	d.ledger = newLedger()
	return d.run(ctx, faults)
}

// drill is one run.
type drill struct {
	settings  settings
	stack     stack
	shop      *shop
	screening string
	ledger    *ledger
	out       io.Writer
}

func (d *drill) run(ctx context.Context, faults []fault) error {
	begin := time.Now()
	var failed error
	if err := d.print(tableHead); err != nil {
		return err
	}
	done := 0
	for _, f := range append([]fault{{}}, faults...) { // the first one is none: what the sale is like without
		if d.settings.limit > 0 && time.Since(begin) > d.settings.limit {
			break
		}
		r, err := d.play(ctx, f)
		failed = errors.Join(failed, err)
		if errors.Is(err, errStack) { // this fault shows nothing of the office
			break
		}
		if err := d.print(r.String()); err != nil {
			return err
		}
		if err != nil {
			failed = fmt.Errorf("after %s: %w", f, failed)
			break
		}
		done++
	}
	if failed == nil {
		d.ledger.reopen()
		_, failed = d.settle(ctx)
	}
	return d.judge(failed, max(0, done-1), faults, begin)
}

// judge says how a drill ended that has done so many of its faults, and returns what failed.
func (d *drill) judge(failed error, done int, faults []fault, begin time.Time) error {
	paid, cancelled := d.ledger.totals()
	violated := failed != nil && !errors.Is(failed, errStack) && !errors.Is(failed, context.Canceled)
	summary := fmt.Sprintf("\n%d of %d faults (seed %d, %s): %d orders, %d paid, %d cancelled; violations: %t\n",
		done, len(faults), d.settings.seed, time.Since(begin).Round(time.Second), paid+cancelled, paid, cancelled, violated)
	return errors.Join(failed, d.print(summary))
}

func (d *drill) print(text string) error {
	if _, err := io.WriteString(d.out, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// play sells, does one fault, has the part come back, sells on, and then waits until all is as it was told.
func (d *drill) play(ctx context.Context, f fault) (row, error) {
	sale := startSale(ctx, d.shop, d.screening, d.ledger)
	wait.For(ctx, warmUp)
	begin := time.Now()
	sale.mark(begin)
	err := d.stack.begin(ctx, f)
	if err == nil {
		wait.For(ctx, f.hold(d.settings))
		err = d.stack.end(ctx, f)
	}
	back := time.Now()
	wait.For(ctx, warmUp)
	r := sale.stop()
	r.fault, r.away = f, back.Sub(begin)
	if err != nil {
		return r, err
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if r.unclear > 0 {
		return r, fmt.Errorf("%w: %d buyers have no answer after %s", errLost, r.unclear, clearLimit)
	}
	lost, err := d.settle(ctx)
	r.lost, r.healed = lost, time.Since(back)
	return r, err
}

// settle waits until every order is where it has to be, the tickets add up and the doctor has nothing to say.
func (d *drill) settle(ctx context.Context) (lost int, err error) {
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		lost, err = d.ledger.settle(limited, d.shop)
		if err == nil {
			err = d.ledger.count(limited, d.shop, d.screening)
		}
		if err == nil {
			err = d.stack.doctor(limited)
		}
		if err == nil || errors.Is(err, errLost) {
			return lost, err
		}
		if wait.For(limited, time.Second) {
			continue
		}
		if ctx.Err() != nil { // somebody stops the drill
			return 0, ctx.Err()
		}
		return len(d.ledger.open), err // whatever is still open has had its time
	}
}
