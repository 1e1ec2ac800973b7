package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice/api"
	"boxoffice/common/db"
	"boxoffice/stock"
)

const (
	soldOutAsked = 100 * buyersDefault // purchases in the slot that counts
	firstRun     = "the-last-ticket"

	learnCheap   = 5 // refusals with one statement, that of a reading
	learnPause   = 5 * time.Millisecond
	learnTimeout = 5 * time.Second
)

// rejections measures a shop that has nothing left: what it makes is refusals.
type rejections struct {
	shop
	sold int64 // before
	n    atomic.Int64
}

func (r *rejections) buy(ctx context.Context, p purchase) error {
	err := r.shop.buy(ctx, p)
	if errors.Is(err, errSoldOut) {
		r.n.Add(1)
	}
	return err
}

func (r *rejections) pid() int {
	if web, ok := r.shop.(served); ok {
		return web.pid()
	}
	return os.Getpid()
}

func (r *rejections) rows(context.Context) (int64, error) { return r.n.Load(), nil }

func (r *rejections) rest(ctx context.Context, accepted int64) error {
	if accepted != 0 {
		return fmt.Errorf("%d purchases were accepted with nothing left", accepted)
	}
	return r.shop.rest(ctx, r.sold)
}

// openSoldOut starts the office with one ticket and sells it. Who comes too late presses reload: each buyer keeps one
// connection and one token, and every attempt has a new key, so that none is a repeated purchase.
func (b *bench) openSoldOut(ctx context.Context, r *rig, buyers int) (shop, error) {
	late := *b
	late.tokens = b.tokens[:buyers]
	s, err := late.openWebOffice(ctx, r, buyers, 1)
	if err != nil {
		return nil, err
	}
	return &rejections{shop: s, sold: 1}, s.buy(ctx, purchase{run: firstRun})
}

// openEcho starts the ceiling of refusals: the same framework, and a constant answer before anything is read. It gets the
// very requests that the office gets, token, key, body and a screening's id of the same length: net/http parses a request
// before anybody looks at it, and what that costs has to be on both sides.
func (b *bench) openEcho(ctx context.Context, r *rig, buyers int) (shop, error) {
	server, err := startChild(ctx, b.child.self, []string{"serve", serveEcho}, nil)
	if err != nil {
		return nil, err
	}
	r.onClose(server.stop)
	w := &webShop{rig: r, server: server, screeningID: stock.NewID(time.Now()), books: func(context.Context, int64) error { return nil }}
	return &rejections{shop: w}, w.connect(buyers, b.tokens[:buyers])
}

// countSoldOut asks for tickets of a screening that is sold out, through the whole HTTP handler, and counts what the
// refusals cost the database and the broker.
func (b *bench) countSoldOut(ctx context.Context) (f figures, err error) {
	err = b.onRig(ctx, embeddedHome(b.log), func(r *rig) error {
		counter := &statements{}
		office, err := openOffice(ctx, r, officeOptions{tickets: 1, opened: func(stockDB, orderDB *db.DB) error {
			return errors.Join(counter.watch(stockDB), counter.watch(orderDB))
		}})
		if err != nil {
			return err
		}
		if err := office.buy(ctx, purchase{run: firstRun}); err != nil {
			return err
		}
		if err := office.rest(ctx, 1); err != nil {
			return err
		}
		ask, err := office.asker()
		if err != nil {
			return err
		}
		if err := learn(ctx, counter, ask); err != nil {
			return err
		}
		statementsBefore, sendsBefore := counter.all.Load(), r.sends()
		if err := askTogether(ask); err != nil {
			return err
		}
		f = figures{
			"sold out.statements": float64(counter.all.Load()-statementsBefore) / soldOutAsked,
			"sold out.sends":      float64(r.sends()-sendsBefore) / soldOutAsked,
		}
		return office.rest(ctx, 1)
	})
	return f, err
}

// askTogether is a crowd that comes too late. Those who wait at the same time share a reading.
func askTogether(ask func(key string) error) error {
	failed := make(chan error, buyersDefault)
	for buyer := range buyersDefault {
		go func() {
			var err error
			for i := range soldOutAsked / buyersDefault {
				if err = ask(fmt.Sprint(buyer, "-", i)); err != nil {
					break
				}
			}
			failed <- err
		}()
	}
	var err error
	for range buyersDefault {
		err = errors.Join(err, <-failed)
	}
	return err
}

// learn asks until the office knows by heart that it is sold out: a refusal costs a reading and no plan any more. An
// office that never does is measured as it is.
func learn(ctx context.Context, counter *statements, ask func(key string) error) error {
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	for cheap := 0; cheap < learnCheap; cheap++ {
		before := counter.all.Load()
		if err := ask("learn" + strconv.Itoa(cheap)); err != nil {
			return err
		}
		if counter.all.Load() > before+1 {
			cheap = -1
		}
		if pause(ctx, learnPause) != nil {
			return nil
		}
	}
	return nil
}

// sends is the number of messages that producers sent and decided: the rest of a broker's requests comes with time.
func (r *rig) sends() (n int64) {
	const sendMessageV2, sendMessage, sendBatch, endTransaction = 310, 10, 320, 37
	frames := r.broker.Stats().Frames
	for _, code := range []int{sendMessageV2, sendMessage, sendBatch, endTransaction} {
		n += frames[code]
	}
	return n
}

// asker returns a purchase through the office's HTTP handler that has to be refused.
func (f *office) asker() (func(key string) error, error) {
	handler, err := api.New(api.Options{
		Stock: f.stock, Seller: f.seller, Orders: f.orders, JWTSecret: []byte(jwtSecret),
		WebhookSecrets: []string{webhookSecret()}, Now: time.Now, Log: f.log,
	})
	if err != nil {
		return nil, err
	}
	token, err := signToken("late", "buyer")
	if err != nil {
		return nil, err
	}
	return func(key string) error {
		request := httptest.NewRequest(http.MethodPost, fmt.Sprintf(purchasePath, f.screeningID), strings.NewReader(`{"quantity":1}`))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Idempotency-Key", key)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "sold_out") {
			return fmt.Errorf("answer %d: %s", answer.Code, answer.Body)
		}
		return nil
	}, nil
}
