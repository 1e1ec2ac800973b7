//go:build !race

package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"boxoffice/common/db"
)

// carelessShop is what stands between the buyers and an office and does not do as it does.
type carelessShop struct {
	office http.RoundTripper
	keep   func(*http.Request) string // what is answered from memory, by this name; empty: asked
	change func(*http.Request)

	mu    sync.Mutex
	known map[string]keptAnswer
}

type keptAnswer struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
}

const carelessFor = 40 * time.Millisecond // that an answer is given again

func (s *carelessShop) RoundTrip(r *http.Request) (*http.Response, error) {
	name := ""
	if s.keep != nil {
		name = s.keep(r)
	}
	s.mu.Lock()
	if s.change != nil {
		s.change(r)
	}
	known, isKnown := s.known[name]
	s.mu.Unlock()
	if name != "" && isKnown && time.Since(known.at) < carelessFor {
		return &http.Response{StatusCode: known.status, Header: known.header, Body: io.NopCloser(bytes.NewReader(known.body)), Request: r}, nil
	}
	at := time.Now()
	answer, err := s.office.RoundTrip(r)
	if err != nil || name == "" {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method == http.MethodGet || bytes.Contains(body, []byte("sold_out")) {
		s.mu.Lock()
		s.known[name] = keptAnswer{at, answer.StatusCode, answer.Header, body}
		s.mu.Unlock()
	}
	return answer, nil
}

func isPurchase(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/orders")
}

// spoil writes what makes the stock database forget one of its rules.
func (o *linearOffice) spoil(statement string) {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), o.stockDSN)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.InTx(o.t.Context(), func(tx *db.Tx) error { _, err := tx.ExecContext(o.t.Context(), statement); return err }); err != nil {
		o.t.Fatal(err)
	}
}

// A judge that accepts everything accepts the office, too. Each of these bugs is one that an office could have, and each is
// found in histories of the same clients: an update of the stock that takes what it should not, as one without its guard does; a
// number of tickets that is told from memory; a "sold out" that is told from memory, also to the one who has bought; and a key that
// buys twice.
func TestPlantedBugsAreNotLinearizable(t *testing.T) {
	slow(t)
	if onStack(t) {
		t.Skip("spoils a database of its own")
	}
	for name, bug := range map[string]struct {
		statement string
		shop      *carelessShop
	}{
		"a sold ticket comes back with a cancelled one": {statement: `CREATE TRIGGER twice AFTER UPDATE ON stock
			WHEN NEW.available > OLD.available AND NEW.capacity = OLD.capacity AND NEW.sold > 0
			BEGIN UPDATE stock SET available = available + 1, sold = sold - 1 WHERE screening_id = NEW.screening_id; END`},
		"what is left is told from memory": {shop: &carelessShop{keep: func(r *http.Request) string {
			if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/screenings/") {
				return r.URL.Path
			}
			return ""
		}}},
		"sold out is told from memory": {shop: &carelessShop{keep: func(r *http.Request) string {
			if isPurchase(r) {
				return r.URL.Path
			}
			return ""
		}}},
		"a key buys twice": {shop: &carelessShop{change: func(r *http.Request) {
			if isPurchase(r) {
				r.Header.Set("Idempotency-Key", r.Header.Get("Idempotency-Key")+fmt.Sprint(time.Now().UnixNano()))
			}
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newLinearOffice(t)
			o.calm.Store(true)
			if bug.statement != "" {
				o.spoil(bug.statement)
			}
			if bug.shop != nil {
				bug.shop.office, bug.shop.known = o.client.Transport, map[string]keptAnswer{}
				o.client = &http.Client{Transport: bug.shop}
			}
			for seed := uint64(1); seed <= 10; seed++ {
				h := o.play(seed, linearOperations)
				switch result, _, _ := h.judge(); result {
				case porcupine.Illegal:
					t.Logf("found in history %d", seed)
					return
				case porcupine.Unknown:
					t.Fatalf("history %d could not be judged in time", seed)
				}
			}
			t.Error("the bug was not found")
		})
	}
}
