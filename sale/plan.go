package sale

import (
	"context"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
)

// PlanTimeout bounds the reads of one plan.
const PlanTimeout = time.Second

// plan is what one list of purchases comes to by what is known now.
type plan struct {
	admitted []*purchase
	waiting  []*purchase      // another list is on the way to what they want
	tickets  map[string]int64 // by screening
	limits   map[string]int64 // by screening, how often its limit was changed
	holdings map[stock.Holding]stock.HoldingChange
	ended    <-chan struct{} // closed when a list that is in flight now has ended
}

// plan answers the purchases that need no half message and admits those for which there are tickets.
func (s *Seller) plan(ctx context.Context, list []*purchase) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, PlanTimeout)
	defer cancel()
	now := s.opts.Now()
	known, err := s.known(ctx, list, now)
	if err != nil {
		return plan{}, err
	}
	p := plan{tickets: map[string]int64{}, limits: map[string]int64{}, holdings: map[stock.Holding]stock.HoldingChange{}}
	own := make(map[string]bool, len(list))
	s.inFlight.mu.Lock()
	defer s.inFlight.mu.Unlock()
	p.ended = s.inFlight.ended
	for _, next := range list {
		if reservation, exists := known.Reservations[next.id]; exists {
			next.answer(sameAs(reservation, next.request))
			continue
		}
		if err := known.refusal(next.request, now); err != nil {
			if isOver(err) {
				s.cache.turnedAway(next.request.ScreeningID)
			}
			next.answer(stock.Reservation{}, err)
			continue
		}
		if known.Archived[next.id] {
			next.answer(stock.Reservation{}, ErrKeyReused)
			continue
		}
		if own[next.id] || s.inFlight.orders[next.id] || !s.fits(p, known, next.request) {
			p.waiting = append(p.waiting, next)
			continue
		}
		own[next.id] = true
		p.admit(next, known, now, s.opts.PayWindow)
	}
	s.inFlight.begin(p)
	return p, nil
}

// sameAs answers a purchase whose key was used before.
func sameAs(r stock.Reservation, request Request) (stock.Reservation, error) {
	if r.ScreeningID != request.ScreeningID || r.Quantity != request.Quantity {
		return stock.Reservation{}, ErrKeyReused
	}
	return r, nil
}

// fits tells whether there is room beside what this list and the lists in flight may take. Another list that changes
// the same buyer's holding is waited for, because it may be the one that makes the row.
func (s *Seller) fits(p plan, k known, r Request) bool {
	screening := k.Screenings[r.ScreeningID]
	if r.Quantity > screening.Available-p.tickets[screening.ID]-s.inFlight.tickets[screening.ID] {
		return false
	}
	if screening.PerUserLimit == 0 {
		return true
	}
	key := stock.Holding{ScreeningID: r.ScreeningID, BuyerID: r.BuyerID}
	return s.inFlight.buyers[key] == 0 && r.Quantity <= screening.PerUserLimit-k.Holdings[key]-p.holdings[key].Quantity
}

func (p *plan) admit(next *purchase, k known, now time.Time, payWindow time.Duration) {
	r := next.request
	screening := k.Screenings[r.ScreeningID]
	next.order = event.Order{
		ID: stock.NewID(now), ScreeningID: r.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
		Amount:    event.Money{Amount: screening.Price.Amount * r.Quantity, Currency: screening.Price.Currency},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(payWindow).UnixMilli(),
	}
	p.admitted = append(p.admitted, next)
	p.tickets[r.ScreeningID] += r.Quantity
	p.limits[r.ScreeningID] = screening.LimitChanges
	if screening.PerUserLimit > 0 {
		key := stock.Holding{ScreeningID: r.ScreeningID, BuyerID: r.BuyerID}
		_, exists := k.Holdings[key]
		p.holdings[key] = stock.HoldingChange{
			Holding: key, Quantity: p.holdings[key].Quantity + r.Quantity, Limit: screening.PerUserLimit, Exists: exists,
		}
	}
}

// list puts the plan into the order in which every list takes its locks.
func (p plan) list(txID string) stock.ReservationList {
	l := stock.ReservationList{TxID: txID, Tickets: p.tickets, Limits: p.limits}
	for _, admitted := range slices.SortedFunc(slices.Values(p.admitted), (*purchase).compare) {
		l.Orders = append(l.Orders, admitted.order)
		l.Requests = append(l.Requests, admitted.id)
	}
	for _, change := range p.holdings {
		l.Holdings = append(l.Holdings, change)
	}
	slices.SortFunc(l.Holdings, stock.HoldingChange.Compare)
	return l
}
