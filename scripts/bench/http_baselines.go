package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/api"
	"boxoffice/stock"
)

const (
	serveVerb  = "serve" // makes this program the server of a baseline
	serveNaive = "naive"
	serveEcho  = "echo"

	purchaseRoute = "/v1/screenings/:id/orders"

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

// serve is the server of a baseline: naive sells, echo answers every purchase with the same bytes.
func serve(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) (failure error) {
	if len(args) != 1 || (args[0] != serveNaive && args[0] != serveEcho) {
		return fmt.Errorf("serve what? %s or %s", serveNaive, serveEcho)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	if args[0] == serveEcho {
		constant := []byte(`{"type":"/problems#sold_out","title":"Sold out","status":409,"code":"sold_out"}`)
		e.POST(purchaseRoute, func(c echo.Context) error {
			return c.JSONBlob(http.StatusConflict, constant)
		})
	} else {
		h := home{
			name: "child", log: slog.New(slog.DiscardHandler), prefix: getenv(envServePrefix),
			namesrv: strings.Fields(getenv(envServeNamesrv)), baselineDSN: getenv(envServeDSN),
		}
		background := context.WithoutCancel(ctx)
		f, err := h.open(background, getenv(envServeDir))
		defer func() { failure = errors.Join(failure, f.close()) }()
		if err != nil {
			return err
		}
		v, err := openNaive(background, f)
		if err != nil {
			return err
		}
		e.POST(purchaseRoute, sellOver(v))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := api.NewServer(e) // the same guard against slow clients as the office has
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if _, err := fmt.Fprintf(stdout, "ready http://%s\n", listener.Addr()); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err := <-ended:
		return err
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return server.Shutdown(stopCtx)
}

// sellOver is the handler of a purchase that a variant makes.
func sellOver(v variant) echo.HandlerFunc {
	return func(c echo.Context) error {
		var body struct {
			Quantity int64 `json:"quantity"`
		}
		if err := c.Bind(&body); err != nil || body.Quantity != 1 {
			return c.JSON(http.StatusBadRequest, map[string]string{"code": "invalid_request"})
		}
		// The key names the purchase, and with it a buyer: no token is asked for, which is to the favour of the baseline.
		switch err := v.buy(c.Request().Context(), purchase{run: c.Request().Header.Get("Idempotency-Key")}); {
		case errors.Is(err, errSoldOut):
			return c.JSON(http.StatusConflict, map[string]string{"code": "sold_out"})
		case errors.Is(err, errBusy):
			return c.JSON(http.StatusServiceUnavailable, map[string]string{"code": "busy"})
		case err != nil:
			return c.JSON(http.StatusInternalServerError, map[string]string{"code": err.Error()})
		}
		return c.JSON(http.StatusAccepted, map[string]any{"status": "reserved", "quantity": body.Quantity, "screening_id": c.Param("id")})
	}
}
