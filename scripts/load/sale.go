package main

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/scripts/load/traffic"
	"boxoffice/scripts/wait"
)

// outcome is what a purchase came to.
type outcome int

const (
	accepted outcome = iota
	soldOut
	busy  // 429, or 503: come back later
	other // refused in another way, or no answer
	outcomes
)

// sale is the hot path: buyers who buy, and what they were told.
type sale struct {
	run    string
	orders []traffic.Request // by buyer
	conns  []*traffic.Conn   // by buyer
	keys   [][]byte          // a buffer by buyer
	onBuy  func(bought)

	counts   [outcomes]atomic.Int64
	latency  *traffic.Latency // of what was accepted
	rejected *traffic.Latency // of the others

	mu      sync.Mutex
	bought  []bought
	unclear []attempt // may have been done: the same key will tell
	strange string    // an example of an answer of the kind other
}

func newSale(s settings, run, screeningID string, tokens []string, onBuy func(bought)) *sale {
	sold := &sale{run: run, onBuy: onBuy, latency: traffic.NewLatency(), rejected: traffic.NewLatency()}
	for _, token := range tokens {
		sold.orders = append(sold.orders, traffic.NewRequest(s.shop, http.MethodPost, "/v1/screenings/"+screeningID+"/orders",
			"Idempotency-Key", `{"quantity":1}`, traffic.Header{Name: "Authorization", Value: "Bearer " + token}))
		sold.conns = append(sold.conns, traffic.NewConn(s.shop, s.timeout))
		sold.keys = append(sold.keys, nil)
	}
	return sold
}

func (s *sale) close() {
	for _, conn := range s.conns {
		conn.Close()
	}
}

// buy makes one planned purchase.
func (s *sale) buy(ctx context.Context, start traffic.Start) {
	a := attempt{start.Worker, s.run + "-" + strconv.FormatInt(start.N, 10)}
	result, clear := s.try(ctx, a)
	s.counts[result].Add(1)
	if result == accepted {
		s.latency.Record(time.Since(start.Due))
	} else {
		s.rejected.Record(time.Since(start.Due))
	}
	if !clear {
		s.mu.Lock()
		s.unclear = append(s.unclear, a)
		s.mu.Unlock()
	}
}

// try sends a purchase; clear is false when nobody knows whether it was done.
func (s *sale) try(ctx context.Context, a attempt) (result outcome, clear bool) {
	s.keys[a.buyer] = s.orders[a.buyer].Append(s.keys[a.buyer][:0], a.key)
	answer, err := s.conns[a.buyer].Do(ctx, s.keys[a.buyer])
	if err != nil {
		s.note(err.Error())
		return other, false
	}
	switch {
	case answer.Status == http.StatusAccepted:
		id, found := strings.CutPrefix(answer.Location, "/v1/orders/")
		if !found {
			s.note("accepted without a Location")
			return other, false
		}
		s.take(bought{a, id})
		return accepted, true
	case answer.Status == http.StatusConflict && hasCode(answer.Body, "sold_out"):
		return soldOut, true
	case answer.Status == http.StatusTooManyRequests:
		return busy, true
	case answer.Status == http.StatusServiceUnavailable:
		return busy, hasCode(answer.Body, "busy") // any other 503 may have been done
	}
	s.note(strconv.Itoa(answer.Status) + " " + string(answer.Body[:min(len(answer.Body), 200)]))
	return other, answer.Status < http.StatusInternalServerError
}

func hasCode(problem []byte, code string) bool {
	return bytes.Contains(problem, []byte(`"code":"`+code+`"`))
}

func (s *sale) take(b bought) {
	s.mu.Lock()
	s.bought = append(s.bought, b)
	s.mu.Unlock()
	s.onBuy(b)
}

func (s *sale) note(strange string) {
	s.mu.Lock()
	s.strange = strange
	s.mu.Unlock()
}

// clearUp asks again, with the same key, for every purchase of which nobody knows whether it was done: the answer is
// that of the first request. It returns how many turned out accepted, and how many stay unclear when ctx ends.
func (s *sale) clearUp(ctx context.Context) (late, unclear int) {
	open := s.unclear
	for len(open) > 0 && ctx.Err() == nil {
		var still []attempt
		for _, a := range open {
			result, clear := s.try(ctx, a)
			if clear && result != busy {
				if result == accepted {
					late++
				}
				continue
			}
			still = append(still, a)
		}
		if open = still; len(open) > 0 {
			wait.For(ctx, pollEvery)
		}
	}
	return late, len(open)
}
