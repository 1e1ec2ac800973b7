package sale

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
)

// PlanTimeout bounds the reads of one plan.
const PlanTimeout = time.Second

// planner decides by what is known now which purchases of a list are sent.
type planner struct {
	stock     *stock.Stock
	cache     *cache
	inFlight  *inFlight
	now       func() time.Time
	payWindow time.Duration
	newID     func(now time.Time) string
}

// plan is what one list of purchases comes to.
type plan struct {
	claim
	admitted      []*purchase
	waiting       []*purchase      // another list is on the way to what they want
	termsVersions map[string]int64 // by screening, how often the terms of its sale were changed
	ended         <-chan struct{}  // closed when a list that is in flight now has ended
}

// plan divides a list of purchases into those to reserve now and those that wait for another list. Who is in neither has an
// answer already.
func (s *planner) plan(ctx context.Context, list []*purchase) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, PlanTimeout)
	defer cancel()
	now := s.now()
	known, err := s.snapshot(ctx, list, now)
	if err != nil {
		return plan{}, err
	}
	p := plan{
		claim:         claim{tickets: map[string]int64{}, holdings: map[stock.Holding]stock.HoldingChange{}},
		termsVersions: map[string]int64{},
	}
	own := make(map[string]bool, len(list))
	s.inFlight.mu.Lock()
	defer s.inFlight.mu.Unlock()
	p.ended = s.inFlight.ended
	for _, next := range list {
		if reservation, exists := known.Reservations[next.id]; exists {
			next.answer(sameAs(reservation, next.request))
			continue
		}
		if err := ruledOut(known, next.request, now); err != nil {
			if isOver(err) {
				s.cache.turnedAway(next.request.ScreeningID)
			}
			next.answer(Bought{}, err)
			continue
		}
		if known.Archived[next.id] { // of another screening: an archived one was refused as closed above
			next.answer(Bought{}, ErrKeyReused)
			continue
		}
		if own[next.id] || s.inFlight.orders[next.id] || !s.fits(p, known, next.request) {
			p.waiting = append(p.waiting, next)
			continue
		}
		own[next.id] = true
		p.admit(next, known, event.Order{
			ID: s.newID(now), CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(s.payWindow).UnixMilli(),
		})
	}
	s.inFlight.begin(p.claim)
	return p, nil
}

// sameAs answers a purchase whose key was used before.
func sameAs(r stock.Reservation, request Request) (Bought, error) {
	if r.ScreeningID != request.ScreeningID || r.Quantity != request.Quantity {
		return Bought{}, ErrKeyReused
	}
	return Bought{r, true}, nil
}

// fits tells whether there is room beside what this list and the lists in flight may take. Another list that changes
// the same buyer's holding is waited for, because it may be the one that makes the row.
func (s *planner) fits(p plan, k stock.Snapshot, r Request) bool {
	screening := k.Screenings[r.ScreeningID]
	var held int64
	if screening.PerUserLimit > 0 {
		key := stock.Holding{ScreeningID: r.ScreeningID, BuyerID: r.BuyerID}
		if s.inFlight.buyers[key] != 0 {
			return false
		}
		held = k.Holdings[key] + p.holdings[key].Quantity
	}
	return r.Quantity <= screening.Room(held, p.tickets[screening.ID]+s.inFlight.tickets[screening.ID])
}

// admit makes an order, of which the id and the times are given, of a purchase.
func (p *plan) admit(next *purchase, k stock.Snapshot, order event.Order) {
	r := next.request
	screening := k.Screenings[r.ScreeningID]
	order.ScreeningID, order.BuyerID, order.Quantity = r.ScreeningID, r.BuyerID, r.Quantity
	order.Amount = event.Money{Amount: screening.Price.Amount * r.Quantity, Currency: screening.Price.Currency}
	order.LatePayment = screening.LatePayment
	next.order = order
	p.admitted = append(p.admitted, next)
	p.orders = append(p.orders, next.id)
	p.tickets[r.ScreeningID] += r.Quantity
	p.termsVersions[r.ScreeningID] = screening.TermsVersion
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
	l := stock.ReservationList{TxID: txID, Tickets: p.tickets, TermsVersions: p.termsVersions}
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

// wait returns when a list that was in flight at planning time has ended. A list waits only while it has nothing in
// flight itself, so lists cannot wait for each other.
func (p plan) wait(ctx context.Context) {
	if len(p.waiting) == 0 {
		return
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}

// ruledOut says why a purchase is ruled out by what was read, whatever becomes of the lists in flight.
func ruledOut(k stock.Snapshot, r Request, now time.Time) error {
	screening, exists := k.Screenings[r.ScreeningID]
	if !exists {
		return stock.ErrScreeningNotFound
	}
	return screening.Refusal(r.Quantity, k.Holdings[stock.Holding{ScreeningID: r.ScreeningID, BuyerID: r.BuyerID}], now)
}

// snapshot collects what the plan needs to know of a list: reservations and archived keys only of purchases that were looked
// up. A screening comes from the cache if its entry is fresh and admits every buyer; otherwise, also when it is not cached and
// so seems not to exist, it and its buyers' requests are read. Only a read may refuse.
func (s *planner) snapshot(ctx context.Context, list []*purchase, now time.Time) (stock.Snapshot, error) {
	screenings, asOf := s.cache.recall(list)
	k := stock.Snapshot{Screenings: screenings}
	var err error
	if k.Holdings, err = s.stock.Holdings(ctx, screenings, lookups(list)); err != nil {
		return k, err
	}
	unsure := map[string]bool{} // screenings
	for _, p := range list {
		if ruledOut(k, p.request, now) != nil {
			unsure[p.request.ScreeningID] = true
		}
	}
	if len(unsure) == 0 {
		return k, nil
	}
	wanted := slices.DeleteFunc(slices.Clone(list), func(p *purchase) bool { return !unsure[p.request.ScreeningID] })
	read, err := s.stock.Snapshot(ctx, lookups(wanted))
	if err != nil {
		return k, err
	}
	s.cache.keep(read.Screenings, asOf)
	maps.Copy(k.Screenings, read.Screenings)
	maps.Copy(k.Holdings, read.Holdings)
	k.Reservations, k.Archived = read.Reservations, read.Archived
	return k, nil
}

func lookups(list []*purchase) []stock.Lookup {
	wanted := make([]stock.Lookup, len(list))
	for i, p := range list {
		wanted[i] = stock.Lookup{RequestID: p.id, ScreeningID: p.request.ScreeningID, BuyerID: p.request.BuyerID}
	}
	return wanted
}

// isOver tells a refusal that everybody gets, as far as tickets, times and screening go.
func isOver(err error) bool {
	return slices.ContainsFunc([]error{
		stock.ErrSoldOut, stock.ErrSaleClosed, stock.ErrSaleNotOpen, stock.ErrSalePaused, stock.ErrCancelled,
	}, func(over error) bool { return errors.Is(err, over) })
}
