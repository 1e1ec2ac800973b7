package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/scripts/client"
	"boxoffice/scripts/load/traffic"
	"boxoffice/scripts/wait"
)

const (
	payersMax    = 32
	payTriesMax  = 8
	resultApply  = "applied"
	resultParked = "parked"
	resultAgain  = "duplicate"
)

// payer pays a share of the orders beside the sale, on connections of its own: as the payment provider, by signed
// callbacks, or through the demo's simulator.
type payer struct {
	settings settings
	tokens   []string
	signer   *standardwebhooks.Webhook // nil: the simulator pays
	latency  *traffic.Latency
	queue    chan bought
	workers  sync.WaitGroup
	seen     atomic.Int64 // orders offered
	failed   atomic.Int64

	mu   sync.Mutex
	paid map[string]bool // by order: true when the payment was taken, false when nobody knows
}

// startPayer starts the workers; they end after close, or with ctx.
func startPayer(ctx context.Context, s settings, tokens []string) (*payer, error) {
	p := &payer{
		settings: s, tokens: tokens, latency: traffic.NewLatency(),
		queue: make(chan bought, s.tickets), paid: map[string]bool{},
	}
	if s.webhookSecret != "" {
		signer, err := standardwebhooks.NewWebhook(s.webhookSecret)
		if err != nil {
			return nil, fmt.Errorf("read webhook secret: %w", err)
		}
		p.signer = signer
	}
	for range min(payersMax, s.plan.Workers) {
		p.workers.Go(func() { p.work(ctx) })
	}
	return p, nil
}

// offer takes an accepted order and decides whether it is among those that are paid. It never waits.
func (p *payer) offer(b bought) {
	n := p.seen.Add(1)
	if int64(float64(n)*p.settings.pay) == int64(float64(n-1)*p.settings.pay) {
		return
	}
	select {
	case p.queue <- b:
	default: // more orders than tickets: the check at the end will say so
		p.failed.Add(1)
	}
}

// close waits until what was offered is paid.
func (p *payer) close() {
	close(p.queue)
	p.workers.Wait()
}

func (p *payer) work(ctx context.Context) {
	conn := traffic.NewConn(p.settings.shop, p.settings.timeout)
	defer conn.Close()
	for b := range p.queue {
		start := time.Now()
		taken := p.pay(ctx, conn, b)
		if taken {
			p.latency.Record(time.Since(start))
		} else {
			p.failed.Add(1)
		}
		p.mu.Lock()
		p.paid[b.order] = taken
		p.mu.Unlock()
	}
}

// pay tries until the shop has taken the payment, as a payment provider does.
func (p *payer) pay(ctx context.Context, conn *traffic.Conn, b bought) bool {
	for range payTriesMax {
		request, err := p.request(b)
		if err != nil {
			return false
		}
		answer, err := conn.Do(ctx, request)
		if err == nil && answer.Status == http.StatusOK {
			var body struct {
				Result string `json:"result"`
			}
			err := json.Unmarshal(answer.Body, &body)
			return err == nil && (body.Result == resultApply || body.Result == resultParked || body.Result == resultAgain)
		}
		if !wait.For(ctx, pollEvery) {
			return false
		}
	}
	return false
}

func (p *payer) request(b bought) ([]byte, error) {
	if p.signer == nil {
		return traffic.NewRequest(p.settings.shop, http.MethodPost, "/v1/dev/payments", "", `{"order_id":"`+b.order+`"}`,
			traffic.Header{Name: "Authorization", Value: "Bearer " + p.tokens[b.buyer]}).Append(nil, ""), nil
	}
	callback, err := client.Callback(p.signer, "load_"+b.order, b.order)
	if err != nil {
		return nil, err
	}
	var headers []traffic.Header
	for name, value := range callback.Headers {
		headers = append(headers, traffic.Header{Name: name, Value: value})
	}
	return traffic.NewRequest(p.settings.shop, callback.Method, callback.Path, "", callback.Body, headers...).Append(nil, ""), nil
}
