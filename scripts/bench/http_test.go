package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// seen is what a server was sent: by connection, the tokens; by token, the keys.
type seen struct {
	mu     sync.Mutex
	tokens map[string]map[string]bool
	keys   map[string]map[string]bool
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != `{"quantity":1}` {
		http.Error(w, "not a purchase", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	note := func(in map[string]map[string]bool, name, value string) {
		if in[name] == nil {
			in[name] = map[string]bool{}
		}
		in[name][value] = true
	}
	token := r.Header.Get("Authorization")
	note(s.tokens, r.RemoteAddr, token)
	note(s.keys, token, r.Header.Get("Idempotency-Key"))
	w.WriteHeader(http.StatusConflict)
}

func newSeen(t *testing.T, buyers int, tokens []string) (*seen, *httpVariant) {
	t.Helper()
	s := &seen{tokens: map[string]map[string]bool{}, keys: map[string]map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	v := &httpVariant{fixture: &fixture{}, server: &child{url: server.URL}, screeningID: screening}
	if err := v.connect(buyers, tokens); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.close(); err != nil {
			t.Error(err)
		}
	})
	return s, v
}

func askAll(t *testing.T, v *httpVariant, buyers, times int) {
	t.Helper()
	for n := range buyers * times {
		// The order in which workers come is not that of the numbers.
		err := v.buy(context.Background(), purchase{run: "run", worker: (n*7 + n/buyers) % buyers, n: int64(n)})
		if !errors.Is(err, errSoldOut) {
			t.Fatal(err)
		}
	}
}

// Buyers of a sold-out screening took turns with all tokens, so the server verified a signature for nearly every refusal:
// no buyer has 256 tokens a second.
func TestWithATokenForEachConnectionEveryBuyerKeepsTheirOwn(t *testing.T) {
	const buyers, times = 5, 3
	s, v := newSeen(t, buyers, []string{"a", "b", "c", "d", "e"})
	askAll(t, v, buyers, times)
	if len(s.tokens) != buyers || len(s.keys) != buyers {
		t.Errorf("%d connections and %d tokens, want %d", len(s.tokens), len(s.keys), buyers)
	}
	for conn, tokens := range s.tokens {
		if len(tokens) != 1 {
			t.Errorf("%s showed %v", conn, tokens)
		}
	}
	for token, keys := range s.keys {
		if len(keys) != times {
			t.Errorf("%s came with the keys %v, want %d", token, keys, times)
		}
	}
}

func TestWithMoreTokensEveryPurchaseShowsANewOne(t *testing.T) {
	const buyers, times = 5, 3
	var tokens []string
	for i := range buyers * times {
		tokens = append(tokens, strconv.Itoa(i))
	}
	s, v := newSeen(t, buyers, tokens)
	askAll(t, v, buyers, times)
	if len(s.keys) != len(tokens) {
		t.Errorf("%d of %d tokens were shown", len(s.keys), len(tokens))
	}
}
