//go:build !race

package app

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/payment/webhook"
)

// moment is where in the life of a refund at the provider its worker is killed.
type moment int

const (
	beforeItActs moment = iota // the provider has the call, and has done nothing
	afterItActed               // the money is back, and nobody was told
	afterAnswer                // the answer is on its way to the worker, or being recorded
	moments
)

// heldCall is one refund call of a worker that is to be killed.
type heldCall struct {
	at    moment
	under chan string // gets the refund's key once the call is under way
	cut   chan bool   // gets whether its worker was gone before it was answered
}

// refundGate stands between one worker and the provider, and holds a refund call until the worker is dead.
type refundGate struct {
	provider http.Handler

	mu    sync.Mutex
	armed *heldCall
}

// cutLimit is how long a call is held whose worker does not die.
const cutLimit = 5 * time.Second

func newRefundGate(t *testing.T, provider http.Handler) (g *refundGate, url string) {
	t.Helper()
	g = &refundGate{provider: provider}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, server.URL + simulatorAPI
}

// arm has the next refund call held.
func (g *refundGate) arm(at moment) *heldCall {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = &heldCall{at, make(chan string, 1), make(chan bool, 1)}
	return g.armed
}

func (g *refundGate) disarm() (armed *heldCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	armed, g.armed = g.armed, nil
	return armed
}

func (g *refundGate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var held *heldCall
	if strings.HasSuffix(r.URL.Path, webhook.PathRefunds) {
		held = g.disarm()
	}
	if held == nil {
		g.provider.ServeHTTP(w, r)
		return
	}
	raw, _ := io.ReadAll(r.Body) // only then is it seen that the worker is gone; a body that is cut is refused by the provider
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var refund webhook.RefundBody
	_ = json.Unmarshal(raw, &refund)
	wait := func() bool {
		held.under <- refund.Key
		select {
		case <-r.Context().Done():
			held.cut <- true
		case <-time.After(cutLimit):
			held.cut <- false
		}
		return r.Context().Err() != nil
	}
	switch held.at {
	case beforeItActs:
		if !wait() {
			g.provider.ServeHTTP(w, r)
		}
	case afterItActed:
		answer := httptest.NewRecorder()
		g.provider.ServeHTTP(answer, r)
		if !wait() {
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}
	default:
		g.provider.ServeHTTP(w, r)
		held.under <- refund.Key
	}
}
