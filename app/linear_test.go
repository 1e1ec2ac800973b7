//go:build !race

package app

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"boxoffice/broker"
)

// The size of the histories in TestRequestsAreLinearizable. BOXOFFICE_TEST_HISTORIES and BOXOFFICE_TEST_OPERATIONS, of each
// history, set others, and BOXOFFICE_TEST_SEED the seed of the first one.
const (
	linearHistories  = 3
	linearOperations = 400
	linearClients    = 8
	linearJudging    = 2 * time.Minute // of one history; one that is not judged by then fails
)

// linearOffice is two processes of one office, whose broker loses an answer and a word now and then.
type linearOffice struct {
	*officeTest
	shops  []string
	client *http.Client
	calm   atomic.Bool // the broker loses nothing
}

func newLinearOffice(t *testing.T) *linearOffice {
	t.Helper()
	home := newHome(t)
	o := &linearOffice{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * linearClients}}}
	t.Cleanup(o.client.CloseIdleConnections)
	for range 2 {
		o.officeTest = newOfficeAt(t, home, "-log-level", "error")
		o.shops = append(o.shops, o.shop)
	}
	var halves, words atomic.Int64
	o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if o.calm.Load() || r.Topic() != o.topic("stock-reserved") {
			return broker.Pass
		}
		switch n := halves.Add(1); {
		case n%60 == 0:
			return broker.DropReply
		case n%12 == 0:
			return broker.Fail(broker.SystemError, "the broker has a bad day")
		}
		return broker.Pass
	})
	o.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if !o.calm.Load() && r.Ext["fromTransactionCheck"] != "true" && words.Add(1)%15 == 0 {
			return broker.Drop
		}
		return broker.Pass
	})
	return o
}

// play has clients make a history of so many requests on a new screening.
func (o *linearOffice) play(seed uint64, operations int) *linearHistory {
	h := &linearHistory{o: o.officeTest, shops: o.shops, client: o.client, screening: o.addScreening(linearCapacity, linearLimit), began: time.Now()}
	var clients sync.WaitGroup
	for n := range linearClients {
		c := &linearClient{linearHistory: h, number: n, random: rand.New(rand.NewPCG(seed, uint64(n)))}
		clients.Go(func() {
			for range operations / linearClients {
				c.goOn()
			}
		})
	}
	clients.Wait()
	h.watchers.Wait()
	(&linearClient{linearHistory: h, number: linearClients, random: rand.New(rand.NewPCG(seed, linearClients))}).read()
	return h
}

// judge tells whether the history could have happened with one request after the other.
func (h *linearHistory) judge() (porcupine.CheckResult, porcupine.LinearizationInfo, porcupine.Model) {
	model := linearModel(linearCapacity, linearLimit, len(h.purchases))
	result, info := porcupine.CheckOperationsVerbose(model, h.operations, linearJudging)
	return result, info, model
}

// draw writes a picture of a history for a browser, and returns its path.
func (h *linearHistory) draw(seed uint64, info porcupine.LinearizationInfo, model porcupine.Model) string {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("boxoffice-history-%d.html", seed))
	if err := porcupine.VisualizePath(model, info, path); err != nil {
		return err.Error()
	}
	return path
}

// explain says how far the history can be put into an order, and which requests then have no place.
func (h *linearHistory) explain(info porcupine.LinearizationInfo, model porcupine.Model) string {
	var longest []int
	for _, partial := range info.PartialLinearizations() {
		for _, order := range partial {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	placed, state := map[int]bool{}, model.Init()
	for _, i := range longest {
		placed[i] = true
		_, state = model.Step(state, h.operations[i].Input, h.operations[i].Output)
	}
	text := fmt.Sprintf("%d of %d requests have an order, after which the screening is %s, and no place have:",
		len(longest), len(h.operations), model.DescribeState(state))
	left := 0
	for _, i := range h.byCall() {
		if op := h.operations[i]; !placed[i] && left < 12 {
			left++
			text += fmt.Sprintf("\n\t%v to %v %s", time.Duration(op.Call), time.Duration(op.Return), model.DescribeOperation(op.Input, op.Output))
		}
	}
	return text
}

// byCall is the numbers of the operations, by when they began.
func (h *linearHistory) byCall() []int {
	order := make([]int, len(h.operations))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(h.operations[a].Call, h.operations[b].Call) })
	return order
}

// counts is how often each act was answered how.
func (h *linearHistory) counts(sum map[string]int) {
	for _, op := range h.operations {
		sum[fmt.Sprint(op.Input.(linearInput).act, ": ", op.Output.(linearOutput).said)]++
	}
}

// Buyers buy, pay and cancel at two processes of one office at once, an operator changes how many tickets there are, and people
// look how many are left. What each of them is told can be told by an office that serves one request after the other, each at
// a moment between its question and its answer: nothing that was acknowledged is forgotten or done twice, and nobody is refused
// for tickets, or for tickets of his own, that were not there. Who has no answer may have bought or not, but not both.
func TestRequestsAreLinearizable(t *testing.T) {
	slow(t)
	o := newLinearOffice(t)
	first := uint64(numberFrom(t, "BOXOFFICE_TEST_SEED", 1))
	operations, sum, requests, judging := numberFrom(t, "BOXOFFICE_TEST_OPERATIONS", linearOperations), map[string]int{}, 0, time.Duration(0)
	for seed := first; seed < first+uint64(numberFrom(t, "BOXOFFICE_TEST_HISTORIES", linearHistories)); seed++ {
		h := o.play(seed, operations)
		began := time.Now()
		result, info, model := h.judge()
		judging += time.Since(began)
		if result != porcupine.Ok {
			t.Fatalf("the history of seed %d is %s, see %s: %s", seed, result, h.draw(seed, info, model), h.explain(info, model))
		}
		h.counts(sum)
		requests += len(h.operations)
		o.counters(h.screening)
	}
	t.Logf("%d requests, judged in %v: %v", requests, judging.Round(time.Millisecond), sum)
	for _, met := range []string{"buy: yes", "buy: sold_out", "buy: limit_exceeded", "buy: not known", "cancel: yes", "cancel: already_paid",
		"pay: yes", "pay: refund_due", "release: yes", "restock: yes", "restock: capacity_too_small", "read: yes"} {
		if sum[met] == 0 {
			t.Errorf("the histories have no %q: they show too little", met)
		}
	}
}
