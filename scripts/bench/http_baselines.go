package main

import (
	"context"
	"strings"
	"time"

	"boxoffice/stock"
)

const (
	serveVerb  = "serve" // makes this program the server of a baseline
	serveNaive = "naive"
	serveEcho  = "echo"

	// What the server's process is told by its environment, because a command line can be read by everybody.
	envServeDir     = "BENCH_DIR"
	envServeNamesrv = "BENCH_NAMESRV"
	envServePrefix  = "BENCH_PREFIX"
	envServeDSN     = "BENCH_DSN"
)

// openNaive starts the naive variant in a process of its own.
func (s servers) openNaive(ctx context.Context, f *fixture, buyers int) (variant, error) {
	dsn, err := f.dsn(ctx, "baseline")
	if err != nil {
		return nil, err
	}
	server, err := startChild(ctx, s.self, []string{serveVerb, serveNaive}, []string{
		envServeDir + "=" + f.dir, envServeNamesrv + "=" + strings.Join(f.namesrv, " "),
		envServePrefix + "=" + f.prefix, envServeDSN + "=" + dsn,
	})
	if err != nil {
		return nil, err
	}
	f.onClose(server.stop)
	d, err := openBaselineDB(ctx, f, dsn)
	if err != nil {
		return nil, err
	}
	h := &httpVariant{fixture: f, server: server, screeningID: screening, check: d.verify}
	h.count = func(ctx context.Context) (n int64, err error) {
		err = d.pool.QueryRowContext(ctx, `SELECT COUNT(*) FROM orders`).Scan(&n)
		return n, err
	}
	return h, h.connect(buyers, nil)
}

// openEcho starts what no server can be faster than at refusing: the same framework, and a constant answer before
// anything is read. It gets the very requests that the office gets, token, key, body and a screening's id of the same
// length: net/http parses a request before anybody looks at it, and what that costs has to be on both sides.
func (s servers) openEcho(ctx context.Context, f *fixture, buyers int) (variant, error) {
	server, err := startChild(ctx, s.self, []string{serveVerb, serveEcho}, nil)
	if err != nil {
		return nil, err
	}
	f.onClose(server.stop)
	h := &httpVariant{fixture: f, server: server, screeningID: stock.NewID(time.Now())}
	h.check = func(context.Context, int64) error { return nil }
	return &refusals{variant: h}, h.connect(buyers, s.tokens[:buyers])
}
