package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"boxoffice/scripts/client"
)

// openOurs starts the box office with more tickets than there will be buyers.
func (s servers) openOurs(ctx context.Context, f *fixture, buyers int) (variant, error) {
	return s.openOffice(ctx, f, buyers, httpCapacity)
}

// openSoldOut starts the box office with one ticket and sells it. Who comes too late presses reload: each buyer keeps one
// connection and one token, and every attempt has a new key, so that none is a repeated purchase.
func (s servers) openSoldOut(ctx context.Context, f *fixture, buyers int) (variant, error) {
	s.tokens = s.tokens[:buyers]
	v, err := s.openOffice(ctx, f, buyers, 1)
	if err != nil {
		return nil, err
	}
	return &refusals{variant: v, sold: 1}, v.buy(ctx, purchase{run: lastTicket})
}

// openOffice starts the box office itself, as an operator would, with a screening of so many tickets on sale.
func (s servers) openOffice(ctx context.Context, f *fixture, buyers int, tickets int64) (variant, error) {
	stockDSN, err := f.dsn(ctx, "stock")
	if err != nil {
		return nil, err
	}
	orderDSN, err := f.dsn(ctx, "order")
	if err != nil {
		return nil, err
	}
	env := []string{
		"BOXOFFICE_LISTEN=127.0.0.1:0", "BOXOFFICE_ADMIN_LISTEN=127.0.0.1:0", "BOXOFFICE_DATA_DIR=" + f.dir,
		"BOXOFFICE_PAY_WINDOW=" + longWindow.String(), "BOXOFFICE_JWT_SECRET=" + jwtSecret,
		"BOXOFFICE_WEBHOOK_SECRET=" + webhookSecret(),
	}
	if len(f.namesrv) > 0 {
		env = append(env, "BOXOFFICE_NAMESRV="+strings.Join(f.namesrv, ";"), "BOXOFFICE_QUEUE_PREFIX="+f.prefix,
			"BOXOFFICE_STOCK_DSN="+stockDSN, "BOXOFFICE_ORDER_DSN="+orderDSN)
	}
	server, err := startChild(ctx, s.office, nil, env)
	if err != nil {
		return nil, err
	}
	f.onClose(server.stop)
	h := &httpVariant{fixture: f, server: server}
	if h.screeningID, err = addScreening(ctx, server.url, tickets); err != nil {
		return nil, fmt.Errorf("add screening: %w", err)
	}
	stockDB, err := f.openDB(ctx, stockDSN)
	if err != nil {
		return nil, err
	}
	orderDB, err := f.openDB(ctx, orderDSN)
	if err != nil {
		return nil, err
	}
	h.count = func(ctx context.Context) (n int64, err error) {
		err = orderDB.Reader().GetContext(ctx, &n, `SELECT COUNT(*) FROM orders`)
		return n, err
	}
	h.check = func(ctx context.Context, accepted int64) error {
		return verifyOffice(ctx, stockDB, orderDB, h.screeningID, accepted)
	}
	return h, h.connect(buyers, s.tokens)
}

func addScreening(ctx context.Context, server string, tickets int64) (id string, err error) {
	token, err := signToken("admin", "admin")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	answer, err := client.AddScreening(token, "Hot", tickets).Send(ctx, http.DefaultClient, server)
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if answer.Status != http.StatusCreated {
		return "", fmt.Errorf("answer %d: %s", answer.Status, answer.Body)
	}
	err = answer.Decode(&made)
	return made.ID, err
}
