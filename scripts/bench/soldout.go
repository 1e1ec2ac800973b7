package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"boxoffice/api"
	"boxoffice/broker"
	"boxoffice/common/audit"
	"boxoffice/identity"
)

const (
	soldOutAsked = 100 * buyersDefault // purchases that are counted

	warmRefusals = 5 // in a row with one statement, that of a reading
	warmPause    = 5 * time.Millisecond
	warmTimeout  = 5 * time.Second
)

// countSoldOut asks for tickets of a screening that is sold out, through the whole HTTP handler, and counts what the
// refusals cost the database and the broker.
func (b *bench) countSoldOut(ctx context.Context) (figures, error) {
	return b.onFixture(ctx, embeddedHome(b.log), func(f *fixture) (figures, error) {
		counter := &statementCounter{}
		office, err := openOffice(ctx, f, officeOptions{tickets: 1, opened: counter.watchAll})
		if err != nil {
			return nil, err
		}
		if err := office.buy(ctx, purchase{run: lastTicket}); err != nil {
			return nil, err
		}
		if err := office.verify(ctx, 1); err != nil {
			return nil, err
		}
		ask, err := office.purchaseHandler()
		if err != nil {
			return nil, err
		}
		if err := warmUp(ctx, counter, ask); err != nil {
			return nil, err
		}
		statementsBefore, sendsBefore := counter.all.Load(), sends(f.broker)
		if err := askTogether(ask); err != nil {
			return nil, err
		}
		result := figures{
			"statements": float64(counter.all.Load()-statementsBefore) / soldOutAsked,
			"sends":      float64(sends(f.broker)-sendsBefore) / soldOutAsked,
		}
		return result, office.verify(ctx, 1)
	})
}

// askTogether asks as all buyers do who come too late. Those who wait at the same time share a reading.
func askTogether(ask func(key string) error) error {
	var buyers sync.WaitGroup
	var failure firstError
	for buyer := range buyersDefault {
		buyers.Go(func() {
			for i := range soldOutAsked / buyersDefault {
				if err := ask(fmt.Sprint(buyer, "-", i)); err != nil {
					failure.set(err)
					return
				}
			}
		})
	}
	buyers.Wait()
	return failure.get()
}

// warmUp asks until the office has cached that it is sold out: a refusal costs a reading and no plan any more. An office
// that never does is measured as it is.
func warmUp(ctx context.Context, counter *statementCounter, ask func(key string) error) error {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	for cheap := 0; cheap < warmRefusals; cheap++ {
		before := counter.all.Load()
		if err := ask("warm-up" + strconv.Itoa(cheap)); err != nil {
			return err
		}
		if counter.all.Load() > before+1 {
			cheap = -1
		}
		if pause(ctx, warmPause) != nil {
			return nil
		}
	}
	return nil
}

// sends counts the messages that producers have sent and decided: the rest of a broker's requests comes with time.
func sends(embedded *broker.Broker) (n int64) {
	frames := embedded.Stats().Frames
	for _, code := range []int{broker.SendMessageV2, broker.SendMessage, broker.SendBatchMessage, broker.EndTransaction} {
		n += frames[code]
	}
	return n
}

// purchaseHandler returns a purchase through the office's HTTP handler that has to be refused.
func (o *office) purchaseHandler() (func(key string) error, error) {
	known, err := identity.New(identity.Options{Secret: []byte(jwtSecret), Now: time.Now})
	if err != nil {
		return nil, err
	}
	handler, err := api.New(api.Options{
		Stock: o.stock, Seller: o.seller, Orders: o.orders, Payments: o.payments, Identity: known,
		Archive: func(context.Context, string, audit.Act) error { return errors.ErrUnsupported },
		Now:     time.Now, Log: o.log,
	})
	if err != nil {
		return nil, err
	}
	token, err := signToken("late", "buyer")
	if err != nil {
		return nil, err
	}
	return func(key string) error {
		request := httptest.NewRequest(http.MethodPost, fmt.Sprintf(purchasePath, o.screeningID), strings.NewReader(`{"quantity":1}`))
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
