package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"boxoffice/common/db"
)

// openWebOffice starts the box office itself, as an operator would, with a screening of so many tickets on sale.
func (b *bench) openWebOffice(ctx context.Context, r *rig, buyers int, tickets int64) (shop, error) {
	stockDSN, err := r.dsn(ctx, "stock")
	if err != nil {
		return nil, err
	}
	orderDSN, err := r.dsn(ctx, "order")
	if err != nil {
		return nil, err
	}
	env := []string{
		"BOXOFFICE_LISTEN=127.0.0.1:0", "BOXOFFICE_ADMIN_LISTEN=127.0.0.1:0", "BOXOFFICE_DATA_DIR=" + r.dir,
		"BOXOFFICE_PAY_WINDOW=" + farWindow.String(), "BOXOFFICE_JWT_SECRET=" + jwtSecret,
		"BOXOFFICE_WEBHOOK_SECRET=" + webhookSecret(),
	}
	if len(r.namesrv) > 0 {
		env = append(env, "BOXOFFICE_NAMESRV="+strings.Join(r.namesrv, ";"), "BOXOFFICE_QUEUE_PREFIX="+r.prefix,
			"BOXOFFICE_STOCK_DSN="+stockDSN, "BOXOFFICE_ORDER_DSN="+orderDSN)
	}
	server, err := startChild(ctx, b.child.office, nil, env)
	if err != nil {
		return nil, err
	}
	r.onClose(server.stop)
	w := &webShop{rig: r, server: server}
	if w.screeningID, err = addScreening(ctx, server.url, tickets); err != nil {
		return nil, fmt.Errorf("add screening: %w", err)
	}
	stockDB, err := r.openBeside(ctx, stockDSN)
	if err != nil {
		return nil, err
	}
	orderDB, err := r.openBeside(ctx, orderDSN)
	if err != nil {
		return nil, err
	}
	w.count = countRows(orderDB, `SELECT COUNT(*) FROM orders`)
	w.books = func(ctx context.Context, accepted int64) error {
		return officeBooks(ctx, stockDB, orderDB, w.screeningID, accepted)
	}
	return w, w.connect(buyers, b.tokens)
}

// openBeside opens a server's database for counting.
func (r *rig) openBeside(ctx context.Context, dsn string) (*db.DB, error) {
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	r.onClose(d.Close)
	return d, nil
}

func addScreening(ctx context.Context, shop string, tickets int64) (id string, err error) {
	token, err := signToken("admin", "admin")
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"movie": "Hot", "venue": "Here", "capacity": tickets, "per_user_limit": 0,
		"price":     map[string]any{"amount": ticketPrice, "currency": currency},
		"starts_at": now.Add(48 * time.Hour), "sale_opens_at": now.Add(-time.Hour), "sale_closes_at": now.Add(24 * time.Hour),
	})
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, shop+"/v1/screenings", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	var made struct{ ID string }
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("answer %d: %s", response.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	return made.ID, nil
}
