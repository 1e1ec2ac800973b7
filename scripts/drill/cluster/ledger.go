package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"boxoffice/scripts/client"
)

const (
	capacity = 1_000_000 // more than any drill sells
	readers  = 8         // orders that are read at once
)

// errLost says that an order is not what its buyer was told, and can become so no more.
var errLost = errors.New("a promise is broken")

// errOpen says that an order is still on its way.
var errOpen = errors.New("not settled")

// told is the last that a buyer was told of an order.
type told int

const (
	reserved  told = iota
	tried          // a payment was sent, of which nobody knows whether it came
	taken          // the office has the payment: the order is paid, or the money goes back
	paid           // the order is paid
	cancelled      // the order is cancelled, by its buyer
)

// order is one that was acknowledged.
type order struct {
	id, token string
	told      told
	status    string // in the end
}

// ledger is all that buyers were told. Orders are final once they have been found to be what was told.
type ledger struct {
	mu    sync.Mutex
	open  []*order
	final []*order
}

func newLedger() *ledger { return &ledger{} }

func (l *ledger) add(o *order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, o)
}

// reopen has every order looked at again.
func (l *ledger) reopen() {
	l.open, l.final = append(l.open, l.final...), nil
}

// totals counts the final orders.
func (l *ledger) totals() (paid, cancelled int64) {
	for _, o := range l.final {
		if o.status == "paid" {
			paid++
		} else {
			cancelled++
		}
	}
	return paid, cancelled
}

// settle reads every open order. It returns how many are missing or wrong, and fails while one is not settled. No sale
// may run meanwhile.
func (l *ledger) settle(ctx context.Context, s *shop) (lost int, err error) {
	found := make([]error, len(l.open))
	var g errgroup.Group
	g.SetLimit(readers)
	for i, o := range l.open {
		g.Go(func() error {
			found[i] = o.settle(ctx, s, i)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	var still []*order
	for i, o := range l.open {
		if found[i] == nil {
			l.final = append(l.final, o)
			continue
		}
		still = append(still, o)
		if errors.Is(found[i], errLost) {
			lost++
		}
		if err == nil || errors.Is(found[i], errLost) {
			err = found[i]
		}
	}
	l.open = still
	return lost, err
}

// settle is nil once the order is final and what was told.
func (o *order) settle(ctx context.Context, s *shop, try int) error {
	a := s.ask(ctx, try, client.Request{Method: http.MethodGet, Path: "/v1/orders/" + o.id, Token: o.token})
	if a.Status != http.StatusOK {
		return fmt.Errorf("%w: order %s: answer %d", errOpen, o.id, a.Status)
	}
	var read struct {
		Status string `json:"status"`
	}
	if err := a.Decode(&read); err != nil {
		return err
	}
	o.status = read.Status
	wrong := fmt.Errorf("%w: order %s is %s", errLost, o.id, o.status)
	switch o.status {
	case "paid":
		if o.told == reserved || o.told == cancelled {
			return wrong
		}
		return nil
	case "cancelled":
		if o.told == paid {
			return wrong
		}
		if o.told == taken {
			return o.refunded(ctx, s, try)
		}
		return nil
	}
	if o.told == paid || o.told == cancelled {
		return wrong
	}
	return fmt.Errorf("%w: order %s is %s", errOpen, o.id, o.status)
}

// refunded is nil when the money of a cancelled order is on its way back.
func (o *order) refunded(ctx context.Context, s *shop, try int) error {
	token, err := s.token("drill-admin", "admin")
	if err != nil {
		return err
	}
	a := s.ask(ctx, try, client.Request{Method: http.MethodGet, Path: "/v1/admin/orders/" + o.id, Token: token})
	if a.Status == http.StatusOK && bytes.Contains(a.Body, []byte(`"drill_`+o.id+`"`)) && bytes.Contains(a.Body, []byte(`"refund_due"`)) {
		return nil
	}
	return fmt.Errorf("%w: order %s is cancelled, and its payment neither applied nor due to go back", errOpen, o.id)
}

// count is nil when the tickets that are gone are those of the paid orders.
func (l *ledger) count(ctx context.Context, s *shop, screening string) error {
	free, err := s.available(ctx, len(l.final), screening)
	if err != nil {
		return err
	}
	if sold, _ := l.totals(); capacity-free != sold {
		return fmt.Errorf("%w: %d tickets are gone, and %d orders are paid", errOpen, capacity-free, sold)
	}
	return nil
}
