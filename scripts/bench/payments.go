package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"boxoffice/api"
	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/identity"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
	"boxoffice/scripts/load/traffic"
)

// payOurs measures payments, delivered as the handler of the callback does it.
func (b *bench) payOurs(ctx context.Context) (figures, error) {
	return b.payOffice(ctx, payableOrders(b.duration), func(o *office, _ time.Time) (payFunc, error) { return o.pay, nil })
}

// payOffice measures payments to orders of the office that wait for them. The messages by which stock learns of the sold
// tickets are in the measured time.
func (b *bench) payOffice(ctx context.Context, n int, payer func(o *office, expiresAt time.Time) (payFunc, error)) (figures, error) {
	return b.onFixture(ctx, b.home, func(f *fixture) (figures, error) {
		office, err := openOffice(ctx, f, officeOptions{})
		if err != nil {
			return nil, err
		}
		expiresAt := time.Now().Add(longWindow)
		if err := office.prefill(ctx, n, expiresAt, true); err != nil {
			return nil, err
		}
		pay, err := payer(office, expiresAt)
		if err != nil {
			return nil, err
		}
		paid, rate, err := payInLoop(ctx, b.duration, prefilled(0, n, n, office.screeningID, expiresAt), pay)
		if err != nil {
			return nil, err
		}
		verifyCtx, cancel := context.WithTimeout(ctx, verifyTimeout)
		defer cancel()
		return figures{"callbacks/s": rate}, eventually(verifyCtx, func() error { return office.verifyPaid(verifyCtx, paid) })
	})
}

// payHTTP measures payment callbacks over HTTP, signed, for orders whose payments were started here or elsewhere. Payers and
// office share the process.
func (b *bench) payHTTP(started bool) measureFunc {
	return func(ctx context.Context) (figures, error) {
		n := payableOrders(b.duration) / 4 // it is slower than without HTTP
		return b.payOffice(ctx, n, func(o *office, expiresAt time.Time) (payFunc, error) {
			if started {
				if err := openAttempts().write(ctx, o.orderDB, n, o.screeningID, expiresAt); err != nil {
					return nil, err
				}
			}
			return o.servePayments(ctx, started)
		})
	}
}

// openAttempts are payments that wait for their payers, one for each order.
func openAttempts() rowsOf {
	const columns = "id, order_id, provider, amount, currency, state, return_url, action, expires_at, next_at, created_at, changed_at"
	return rowsOf{"payment_attempts", columns, func(o event.Order) []any {
		return []any{
			attemptOf(o), o.ID, "webhook", o.Amount.Amount, o.Amount.Currency, "open", "https://shop.example/", `{"kind":"redirect"}`,
			o.ExpiresAt, o.ExpiresAt, o.CreatedAt, o.CreatedAt,
		}
	}}
}

func attemptOf(o event.Order) string { return "try-" + o.ID }

// servePayments serves the office's shop on loopback, and returns how a payment provider calls it.
func (o *office) servePayments(ctx context.Context, started bool) (payFunc, error) {
	options := webhook.Options{Secrets: []string{webhookSecret()}, Now: time.Now}
	provider, err := webhook.New(options)
	if err != nil {
		return nil, err
	}
	signer, err := webhook.NewVerifier(options.Secrets, time.Now)
	if err != nil {
		return nil, err
	}
	payments := payment.New(o.orderDB, payment.Options{
		Orders: o.orders, Stock: o.stock, Providers: []payment.Provider{provider}, Now: time.Now, Log: o.log,
	})
	o.onClose(func() error { payments.Close(); return nil })
	callers, err := identity.New(identity.Options{Secret: []byte(jwtSecret), Now: time.Now})
	if err != nil {
		return nil, err
	}
	handler, err := api.New(api.Options{
		Stock: o.stock, Seller: o.seller, Orders: o.orders, Payments: payments, Now: time.Now, Log: o.log,
		Identity: callers, Archive: func(context.Context, string, audit.Act) error { return nil }, // which no callback needs
	})
	if err != nil {
		return nil, fmt.Errorf("make the shop: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	server := api.NewServer(handler)
	go func() { _ = server.Serve(l) }() // ends with Close
	o.onClose(func() error { return server.Close() })
	conns := make(chan *traffic.Conn, buyersDefault)
	for range buyersDefault {
		conns <- traffic.NewConn(&url.URL{Scheme: "http", Host: l.Addr().String()}, httpTimeout)
	}
	o.onClose(func() error {
		for range buyersDefault {
			(<-conns).Close()
		}
		return nil
	})
	return func(ctx context.Context, paid event.Order) error {
		request, err := callbackRequest(signer, paid, started)
		if err != nil {
			return err
		}
		conn := <-conns
		defer func() { conns <- conn }()
		answer, err := conn.Do(ctx, request)
		if err == nil && (answer.Status != http.StatusOK || !bytes.Contains(answer.Body, []byte(`"applied"`))) {
			err = fmt.Errorf("answer %d: %s", answer.Status, answer.Body)
		}
		return err
	}, nil
}

// callbackRequest is the callback by which a provider tells that an order is paid.
func callbackRequest(signer *webhook.Verifier, paid event.Order, started bool) ([]byte, error) {
	told := webhook.Event{Type: webhook.PaymentSucceeded, Data: webhook.EventData{
		PaymentID: "pay-" + paid.ID, OrderID: paid.ID, Amount: paid.Amount.Amount, Currency: paid.Amount.Currency,
	}}
	if started {
		told.Data.AttemptID = attemptOf(paid)
	}
	body, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("encode a callback: %w", err)
	}
	header := http.Header{}
	signer.Sign(header, "msg-"+paid.ID, body)
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	var request bytes.Buffer
	request.WriteString("POST " + api.CallbackPath + " HTTP/1.1\r\nHost: shop\r\n")
	if err := header.Write(&request); err != nil {
		return nil, fmt.Errorf("write a callback: %w", err)
	}
	request.WriteString("\r\n")
	request.Write(body)
	return request.Bytes(), nil
}
