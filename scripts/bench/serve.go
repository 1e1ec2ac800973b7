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

	"github.com/labstack/echo/v4"

	"boxoffice/api"
)

const purchaseRoute = "/v1/screenings/:id/orders"

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
