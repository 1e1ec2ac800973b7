package main

import (
	"context"
	"strings"
)

// openWebNaive starts the naive shop in a process of its own.
func (b *bench) openWebNaive(ctx context.Context, r *rig, buyers int) (shop, error) {
	dsn, err := r.dsn(ctx, "ledger")
	if err != nil {
		return nil, err
	}
	server, err := startChild(ctx, b.child.self, []string{"serve", serveNaive}, []string{
		envServeDir + "=" + r.dir, envServeNamesrv + "=" + strings.Join(r.namesrv, " "),
		envServePrefix + "=" + r.prefix, envServeDSN + "=" + dsn,
	})
	if err != nil {
		return nil, err
	}
	r.onClose(server.stop)
	l, err := openPool(ctx, r, dsn)
	if err != nil {
		return nil, err
	}
	w := &webShop{rig: r, server: server, screeningID: screening, books: l.rest}
	w.count = func(ctx context.Context) (n int64, err error) {
		err = l.pool.QueryRowContext(ctx, `SELECT COUNT(*) FROM orders`).Scan(&n)
		return n, err
	}
	return w, w.connect(buyers, nil)
}
