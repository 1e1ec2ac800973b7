package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"boxoffice/scripts/client"
	"boxoffice/scripts/wait"
)

const (
	buyers      = 8
	buyerPace   = 250 * time.Millisecond // from one purchase of a buyer to the next
	retryPace   = 200 * time.Millisecond
	warmUp      = 4 * time.Second // of sale before a fault and after it
	clearLimit  = 3 * time.Minute // until a buyer knows of a purchase what became of it
	settleLimit = 4 * time.Minute
)

// event is one answer to a purchase, or none.
type event struct {
	at     time.Time
	status int
}

// sale is buyers at work.
type sale struct {
	shop      *shop
	screening string
	ledger    *ledger
	begin     time.Time
	halt      chan struct{}
	buyers    sync.WaitGroup

	mu      sync.Mutex
	events  []event
	unclear int
}

// startSale has buyers buy, pay, cancel, or leave their orders, until stop.
func startSale(ctx context.Context, s *shop, screening string, l *ledger) *sale {
	made := &sale{shop: s, screening: screening, ledger: l, begin: time.Now(), halt: make(chan struct{})}
	for n := range buyers {
		made.buyers.Go(func() { made.work(ctx, n) })
	}
	return made
}

// mark is when the events begin to count.
func (s *sale) mark(at time.Time) { s.begin = at }

// stop waits until every buyer knows what became of the last purchase, and says what the sale was like.
func (s *sale) stop() row {
	end := time.Now()
	close(s.halt)
	s.buyers.Wait()
	r := row{unclear: s.unclear}
	last := s.begin
	for _, e := range s.events {
		if e.at.Before(s.begin) {
			continue
		}
		r.requests++
		switch e.status {
		case http.StatusAccepted:
			if e.at.Before(end) {
				r.silence = max(r.silence, e.at.Sub(last))
				last = e.at
			}
			continue
		case 0:
			r.unanswered++
		}
		r.refused++
	}
	r.silence = max(r.silence, end.Sub(last))
	return r
}

func (s *sale) work(ctx context.Context, n int) {
	name := fmt.Sprintf("drill-%d-%d", time.Now().UnixNano(), n)
	token, err := s.shop.token(name, "buyer")
	if err != nil {
		return
	}
	for i := 0; ; i++ {
		select {
		case <-s.halt:
			return
		case <-ctx.Done():
			return
		case <-time.After(buyerPace):
		}
		key := fmt.Sprintf("%s-%d", name, i)
		if o := s.buy(ctx, token, key, n+i); o != nil {
			s.act(ctx, o, n+i)
			s.ledger.add(o)
		}
	}
}

// act is what a buyer does with an order: of ten five are paid, two cancelled, and three left to expire.
func (s *sale) act(ctx context.Context, o *order, try int) {
	switch chance := rand.IntN(10); {
	case chance < 5:
		s.pay(ctx, o, try)
	case chance < 7:
		s.cancel(ctx, o, try)
	}
}

// buy asks with one key until an answer says what became of the purchase: of each answer that does not, nobody knows.
func (s *sale) buy(ctx context.Context, token, key string, try int) *order {
	var o *order
	known := s.until(ctx, func(again int) bool {
		a := s.shop.ask(ctx, try+again, client.Buy(token, s.screening, key))
		s.mu.Lock()
		s.events = append(s.events, event{time.Now(), a.Status})
		s.mu.Unlock()
		var made struct {
			ID string `json:"id"`
		}
		if a.Status != http.StatusAccepted || a.Decode(&made) != nil {
			return false
		}
		o = &order{id: made.ID, token: token}
		return true
	})
	if !known {
		s.mu.Lock()
		s.unclear++
		s.mu.Unlock()
	}
	return o
}

// pay sends the provider's callback until the office has taken it.
func (s *sale) pay(ctx context.Context, o *order, try int) {
	o.told = tried
	s.until(ctx, func(again int) bool {
		callback, err := client.Callback(s.shop.signer, "drill_"+o.id, o.id)
		if err != nil {
			return true
		}
		a := s.shop.ask(ctx, try+again, callback)
		var read struct {
			Result string `json:"result"`
		}
		if a.Status != http.StatusOK || a.Decode(&read) != nil {
			return false
		}
		o.told = taken
		if read.Result == "applied" {
			o.told = paid
		}
		return true
	})
}

// cancel asks until the order is cancelled.
func (s *sale) cancel(ctx context.Context, o *order, try int) {
	s.until(ctx, func(again int) bool {
		a := s.shop.ask(ctx, try+again, client.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.id + "/cancel", Token: o.token})
		if a.Status != http.StatusOK {
			return false
		}
		o.told = cancelled
		return true
	})
}

// until tries again and again, at the other shop, until done; it is false when the time was over.
func (s *sale) until(ctx context.Context, done func(again int) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, clearLimit)
	defer cancel()
	for again := 0; ; again++ {
		if done(again) {
			return true
		}
		if !wait.For(ctx, retryPace) {
			return false
		}
	}
}
