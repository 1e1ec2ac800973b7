package stock

import (
	"context"
	"slices"
	"time"

	"boxoffice/common/event"
)

const planTimeout = time.Second

// plan is what one list of purchases comes to by what is known now.
type plan struct {
	admitted []*purchase
	waiting  []*purchase      // another list is on the way to what they want
	tickets  map[string]int64 // by screening
	limits   map[string]int64 // by screening, how often its limit was changed
	holdings map[holding]holdingChange
	ended    <-chan struct{} // closed when a list that is in flight now has ended
}

// plan answers the purchases that need no half message and admits those for which there are tickets.
func (s *Seller) plan(ctx context.Context, list []*purchase) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	now := s.stock.now()
	facts, err := s.facts(ctx, list, now)
	if err != nil {
		return plan{}, err
	}
	p := plan{tickets: map[string]int64{}, limits: map[string]int64{}, holdings: map[holding]holdingChange{}}
	own := make(map[string]bool, len(list))
	s.inFlight.mu.Lock()
	defer s.inFlight.mu.Unlock()
	p.ended = s.inFlight.ended
	for _, next := range list {
		if known, exists := facts.reservations[next.id]; exists {
			next.answer(known.sameAs(next.request))
			continue
		}
		if err := facts.refusal(next.request, now); err != nil {
			if isOver(err) {
				s.view.turnedAway(next.request.ScreeningID)
			}
			next.answer(Reservation{}, err)
			continue
		}
		if facts.archived[next.id] {
			next.answer(Reservation{}, ErrKeyReused)
			continue
		}
		if own[next.id] || s.inFlight.orders[next.id] || !s.fits(p, facts, next.request) {
			p.waiting = append(p.waiting, next)
			continue
		}
		own[next.id] = true
		p.admit(next, facts, now, s.stock.opts.PayWindow)
	}
	s.inFlight.begin(p)
	return p, nil
}

// sameAs answers a purchase whose key was used before.
func (r Reservation) sameAs(request PurchaseRequest) (Reservation, error) {
	if r.ScreeningID != request.ScreeningID || r.Quantity != request.Quantity {
		return Reservation{}, ErrKeyReused
	}
	return r, nil
}

func (s Screening) refusal(r PurchaseRequest, held int64, now time.Time) error {
	switch {
	case now.Before(s.SaleOpensAt):
		return ErrSaleNotOpen
	case s.archived, !now.Before(s.SaleClosesAt):
		return ErrSaleClosed
	case s.PerUserLimit > 0 && r.Quantity > s.PerUserLimit-held:
		return ErrLimitExceeded
	case r.Quantity > s.Available:
		return ErrSoldOut
	}
	return nil
}

// fits tells whether there is room beside what this list and the lists in flight may take. Another list that changes
// the same buyer's holding is waited for, because it may be the one that makes the row.
func (s *Seller) fits(p plan, f facts, r PurchaseRequest) bool {
	screening := f.screenings[r.ScreeningID]
	if r.Quantity > screening.Available-p.tickets[screening.ID]-s.inFlight.tickets[screening.ID] {
		return false
	}
	if screening.PerUserLimit == 0 {
		return true
	}
	key := holding{r.ScreeningID, r.BuyerID}
	return s.inFlight.buyers[key] == 0 && r.Quantity <= screening.PerUserLimit-f.holdings[key]-p.holdings[key].quantity
}

func (p *plan) admit(next *purchase, f facts, now time.Time, payWindow time.Duration) {
	r := next.request
	screening := f.screenings[r.ScreeningID]
	next.order = event.Order{
		ID: NewID(now), ScreeningID: r.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
		Amount:    event.Money{Amount: screening.Price.Amount * r.Quantity, Currency: screening.Price.Currency},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(payWindow).UnixMilli(),
	}
	p.admitted = append(p.admitted, next)
	p.tickets[r.ScreeningID] += r.Quantity
	p.limits[r.ScreeningID] = screening.limitChanges
	if screening.PerUserLimit > 0 {
		key := holding{r.ScreeningID, r.BuyerID}
		_, exists := f.holdings[key]
		p.holdings[key] = holdingChange{
			holding: key, quantity: p.holdings[key].quantity + r.Quantity, limit: screening.PerUserLimit, exists: exists,
		}
	}
}

// list puts the plan into the order in which every list takes its locks.
func (p plan) list(txID string, o Options) reserveList {
	l := reserveList{txID: txID, tickets: p.tickets, limits: p.limits, sweepGrace: o.SweepGrace}
	for _, admitted := range slices.SortedFunc(slices.Values(p.admitted), (*purchase).compare) {
		l.orders = append(l.orders, admitted.order)
		l.requests = append(l.requests, admitted.id)
	}
	for _, change := range p.holdings {
		l.holdings = append(l.holdings, change)
	}
	slices.SortFunc(l.holdings, holdingChange.compare)
	return l
}
