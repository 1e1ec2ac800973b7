package sale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// office is a shop that sells through a real client and the embedded broker, or the one that BOXOFFICE_TEST_NAMESRV names.
type office struct {
	*shop
	broker *broker.Broker // nil for a real one
	seller *Seller
}

func newOffice(t *testing.T, o Options) *office {
	t.Helper()
	office := &office{}
	servers := strings.Split(os.Getenv("BOXOFFICE_TEST_NAMESRV"), ";")
	if servers[0] == "" {
		office.broker = broker.RunT(t, broker.WithTransactionCheckMax(1_000_000)) // decided asks often
		servers = []string{office.broker.Addr()}
	}
	bus, err := mq.Open(t.Context(), mq.Config{NameServers: servers, Process: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	if err := bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(event.StockReserved), Queues: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	office.shop, _ = newStock(t)
	o.Now = office.clock.Now
	transactor, err := bus.NewTransactor(t.Context(), event.GroupPurchase, office.Check)
	if err != nil {
		t.Fatal(err)
	}
	office.seller = NewSeller(t.Context(), office.Stock, transactor, o)
	t.Cleanup(office.seller.Close)
	return office
}

// newFaultyOffice is an office whose broker has fault hooks.
func newFaultyOffice(t *testing.T, o Options) *office {
	t.Helper()
	office := newOffice(t, o)
	if office.broker == nil {
		t.Skip("needs the fault hooks of the embedded broker")
	}
	return office
}

func (o *office) purchase(screening stock.Screening, buyer, key string, quantity int64) (Bought, error) {
	return o.seller.Purchase(context.Background(), Request{buyer, key, screening.ID, quantity})
}

// published are the orders of each message that consumers can see.
func (o *office) published(t *testing.T) [][]event.Order {
	t.Helper()
	var lists [][]event.Order
	for _, m := range o.broker.Messages(string(event.StockReserved)) {
		var reserved event.Reserved
		if err := json.Unmarshal(m.Body, &reserved); err != nil {
			t.Fatal(err)
		}
		lists = append(lists, reserved.Orders)
	}
	return lists
}

// decided waits until no half message is open, with a check-back due every few seconds: one that is asked again before its answer
// has come is committed twice, as on the real broker.
func (o *office) decided(t *testing.T) {
	t.Helper()
	var asked time.Time
	for deadline := time.Now().Add(patience); len(o.broker.HalfMessages()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d half messages are still open", len(o.broker.HalfMessages()))
		}
		if time.Since(asked) > patience/30 {
			asked = time.Now()
			o.broker.Advance(7 * time.Second)
			o.broker.CheckNow()
		}
	}
}

// sends counts the half messages that reach the broker for our topic.
func (o *office) onSend(verdict func(n int64) broker.Verdict) *atomic.Int64 {
	n := &atomic.Int64{}
	o.broker.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() != string(event.StockReserved) {
			return broker.Pass
		}
		return verdict(n.Add(1))
	})
	return n
}

func pass(int64) broker.Verdict { return broker.Pass }

func TestPurchasesSellExactlyAndAnnounceWhatIsReserved(t *testing.T) {
	for _, maxBatch := range []int{0, 1} {
		t.Run(fmt.Sprintf("batches of %d", maxBatch), func(t *testing.T) {
			o := newOffice(t, Options{MaxBatch: maxBatch})
			plain, limited := addScreening(t, o.shop, 40, 0), addScreening(t, o.shop, 40, 2)
			var buyers sync.WaitGroup
			var sold atomic.Int64
			for i := range 100 {
				buyers.Go(func() {
					for _, screening := range []stock.Screening{plain, limited} {
						got, err := o.purchase(screening, fmt.Sprintf("buyer-%d", i%50), fmt.Sprint(i, screening.ID), 1)
						if err == nil && got.State == stock.Held {
							sold.Add(1)
						} else {
							wantErr(t, err, stock.ErrSoldOut)
						}
					}
				})
			}
			buyers.Wait()
			if sold.Load() != 80 {
				t.Errorf("sold %d tickets of 80", sold.Load())
			}
			wantStock(t, o.shop, plain.ID, 0, 40, 0)
			wantStock(t, o.shop, limited.ID, 0, 40, 0)
			if o.broker != nil {
				o.wantAnnounced(t, 80, maxBatch)
			}
		})
	}
}

// wantAnnounced demands that each reserved order is in exactly one message. A commit is one-way, so the last messages
// may still be on their way.
func (o *office) wantAnnounced(t *testing.T, orders, maxBatch int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for len(slices.Concat(o.published(t)...)) < orders && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	// A check-back that overtakes the commit would publish twice, so it comes after.
	o.decided(t)
	seen := map[string]bool{}
	for _, list := range o.published(t) {
		if maxBatch > 0 && len(list) > maxBatch {
			t.Errorf("a message carries %d orders", len(list))
		}
		for _, order := range list {
			stored, err := o.Reservation(t.Context(), order.BuyerID, order.ID)
			if err != nil || stored.Order != order || seen[order.ID] {
				t.Errorf("message announces %+v; stored %+v, %v, seen %v", order, stored, err, seen[order.ID])
			}
			seen[order.ID] = true
		}
	}
	if len(seen) != orders {
		t.Errorf("messages announce %d orders, want %d", len(seen), orders)
	}
}

func TestOneKeyIsOneOrder(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.shop, 10, 4)
	var buyers sync.WaitGroup
	var ids [20]string
	for n := range ids {
		buyers.Go(func() {
			got, err := o.purchase(screening, "alice", "k", 2)
			if err != nil {
				t.Errorf("purchase: %+v, %v", got, err)
			}
			ids[n] = got.ID
		})
	}
	buyers.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("one key is the orders %s and %s", ids[0], id)
		}
	}
	wantStock(t, o.shop, screening.ID, 8, 2, 0)
	_, err := o.purchase(screening, "alice", "k", 1)
	wantErr(t, err, ErrKeyReused)
}

// Fifty buyers come while the broker is silent. The first list waits for it in vain; the others, which came meanwhile,
// used to wait as long again, list after list.
func TestSilentBrokerIsWaitedForOnce(t *testing.T) {
	o := newOffice(t, Options{MaxBatch: 1})
	if o.broker == nil {
		t.Skip("needs the embedded broker's fault hooks")
	}
	screening := addScreening(t, o.shop, 100, 0)
	var sends atomic.Int64
	heal := o.broker.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() != string(event.StockReserved) {
			return broker.Pass
		}
		sends.Add(1)
		return broker.Drop
	})
	var buyers sync.WaitGroup
	for n := range 50 {
		buyers.Go(func() {
			_, err := o.purchase(screening, fmt.Sprint("buyer-", n), "k", 1)
			wantErr(t, err, stock.ErrUnavailable)
		})
	}
	buyers.Wait()
	if n := sends.Load(); n > 2*sellerWorkers {
		t.Errorf("%d half messages were tried, want one by each of %d workers, or two on a slow machine", n, sellerWorkers)
	}
	heal()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := o.purchase(screening, "patient", "k", 1)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the broker is back: %v", err)
		}
	}
	wantStock(t, o.shop, screening.ID, 99, 1, 0)
}

func TestPurchaseRefusesWhatADatabaseWould(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.shop, 10, 0)
	for _, r := range []Request{
		{"", "k", screening.ID, 1}, {"a\xff", "k", screening.ID, 1}, {strings.Repeat("a", 256), "k", screening.ID, 1},
		{"alice", "", screening.ID, 1}, {"alice", "k", screening.ID, 0}, {"alice", "k", screening.ID, -1},
	} {
		_, err := o.seller.Purchase(t.Context(), r)
		wantErr(t, err, stock.ErrInvalid)
	}
	_, err := o.seller.Purchase(t.Context(), Request{"alice", "k", "s\xff", 1})
	wantErr(t, err, stock.ErrScreeningNotFound)
}

// Refusing is what a sold-out sale does most: it must not reach the message queue.
func TestRefusalsCostNoHalfMessage(t *testing.T) {
	o := newFaultyOffice(t, Options{})
	screening := addScreening(t, o.shop, 1, 1)
	if _, err := o.purchase(screening, "alice", "k", 1); err != nil {
		t.Fatal(err)
	}
	sends := o.onSend(pass)
	_, err := o.purchase(screening, "bob", "k", 1)
	wantErr(t, err, stock.ErrSoldOut)
	_, err = o.purchase(screening, "alice", "k2", 1)
	wantErr(t, err, stock.ErrLimitExceeded)
	if _, err = o.purchase(screening, "alice", "k", 1); err != nil {
		t.Errorf("retry: %v", err)
	}
	if sends.Load() != 0 {
		t.Errorf("%d messages were sent", sends.Load())
	}
}

// The buyer has an answer and the process thinks that all is done, but the commit never reached the broker: only the
// check-back can bring the order to the order service.
func TestCheckBackCommitsWhenTheEndOfTheTransactionIsLost(t *testing.T) {
	o := newFaultyOffice(t, Options{})
	screening := addScreening(t, o.shop, 10, 0)
	lost := make(chan struct{}, 8)
	remove := o.broker.Intercept(broker.EndTransaction, func(*broker.Request) broker.Verdict {
		lost <- struct{}{}
		return broker.Drop
	})
	bought, err := o.purchase(screening, "alice", "k", 1)
	if err != nil {
		t.Fatal(err)
	}
	<-lost
	if lists := o.published(t); len(lists) != 0 {
		t.Fatalf("published %v although the commit was lost", lists)
	}
	remove()
	o.decided(t)
	o.wantAnnounced(t, 1, 1)
	wantStock(t, o.shop, screening.ID, 9, bought.Quantity, 0)
}

// The half message was stored and its answer lost, so the local transaction never ran. The buyer's retry makes a new
// message; the old one must not announce the same order.
func TestLostAnswerToAHalfMessageIsRolledBack(t *testing.T) {
	o := newFaultyOffice(t, Options{})
	screening := addScreening(t, o.shop, 10, 0)
	sends := o.onSend(func(n int64) broker.Verdict {
		if n == 1 {
			return broker.DropReply
		}
		return broker.Pass
	})
	_, err := o.purchase(screening, "alice", "k", 1)
	wantErr(t, err, stock.ErrUnavailable)
	wantStock(t, o.shop, screening.ID, 10, 0, 0)
	if _, err := o.purchase(screening, "alice", "k", 1); err != nil {
		t.Fatal(err)
	}
	o.wantAnnounced(t, 1, 1)
	if sends.Load() != 2 {
		t.Errorf("%d messages were sent, want 2", sends.Load())
	}
	wantStock(t, o.shop, screening.ID, 9, 1, 0)
}

// One order that the database refuses for a reason of its own sank the list that it was in, and with it whoever bought
// in the same millisecond.
func TestOneBadOrderDoesNotSinkItsList(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.shop, 100, 0)
	poison := map[string]string{
		"sqlite": `CREATE TRIGGER poison BEFORE INSERT ON reservations WHEN NEW.buyer_id = 'mallory'
			BEGIN SELECT RAISE(ABORT, 'poison'); END`,
		"mysql": `CREATE TRIGGER poison BEFORE INSERT ON reservations FOR EACH ROW
			IF NEW.buyer_id = 'mallory' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'poison'; END IF`,
	}[o.db.Name()]
	exec(t, o.shop, poison)
	requests := crowd(screening, 20)
	requests[7].BuyerID = "mallory"
	for i, got := range decide(o.seller, requests...) {
		if bad := i == 7; (got.err != nil) != bad || errors.Is(got.err, stock.ErrUnavailable) {
			t.Errorf("purchase %d: %v", i, got.err)
		}
	}
	wantStock(t, o.shop, screening.ID, 81, 19, 0)
}

func TestPurchaseWithoutDatabaseIsUnavailable(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addScreening(t, o.shop, 10, 0)
	if err := o.db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := o.purchase(screening, "alice", "k", 1)
	wantErr(t, err, stock.ErrUnavailable)
	o.seller.Close()
	_, err = o.purchase(screening, "alice", "k", 1)
	wantErr(t, err, stock.ErrUnavailable)
}
