package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

const callbackPath = "/v1/payments/callback"

// routes is every call of the public listener, in the order of openapi.yaml.
func (o *office) routes() (*echo.Echo, error) {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // X-Forwarded-For is whatever a client writes into it
	unmatched := o.requests.route("other", "unmatched")
	e.HTTPErrorHandler = func(err error, c echo.Context) { // the router's own refusals: every handler answers its own
		_ = o.frame(unmatched, func(echo.Context) error { return err })(c)
	}
	add := func(method, path string, handle echo.HandlerFunc) {
		e.Add(method, path, o.frame(o.requests.route(method, path), handle))
	}

	add(http.MethodGet, "/v1/screenings", o.listScreenings)
	add(http.MethodGet, "/v1/screenings/:id", o.getScreening)
	add(http.MethodPost, "/v1/screenings", o.allow(roleAdmin, o.addScreening))
	add(http.MethodPatch, "/v1/screenings/:id", o.allow(roleAdmin, o.changeScreening))
	add(http.MethodPost, "/v1/screenings/:id/orders", o.allow(roleBuyer, o.purchase))
	add(http.MethodGet, "/v1/orders", o.allow(roleBuyer, o.listOrders))
	add(http.MethodGet, "/v1/orders/:id", o.allow(roleBuyer, o.getOrder))
	add(http.MethodPost, "/v1/orders/:id/cancel", o.allow(roleBuyer, o.cancelOrder))
	add(http.MethodPost, callbackPath, o.paymentCallback)
	if o.Demo != nil {
		add(http.MethodPost, "/v1/dev/tokens", o.makeToken)
		add(http.MethodPost, "/v1/dev/payments", o.allow(roleBuyer, o.simulatePayment))
	}
	if err := o.addPages(add); err != nil {
		return nil, fmt.Errorf("read embedded pages: %w", err)
	}
	return e, nil
}

// frame is what every call has around its handler. It is no echo middleware, because echo makes a closure for each of
// those on every request, and this runs before every sale.
func (o *office) frame(series *routeSeries, handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := o.Now()
		o.headers.set(c)
		err := o.serve(handle, c)
		if err != nil {
			o.refuse(c, err)
		}
		elapsed := o.Now().Sub(start)
		series.observe(c.Response().Status, elapsed)
		o.logRequest(c, elapsed, err)
		return nil
	}
}

// serve calls the handler when there is room for one more request, and turns a panic of it into an error: one bad
// request must not end the process with everybody else's.
func (o *office) serve(handle echo.HandlerFunc, c echo.Context) (err error) {
	if !o.addrs.off() && c.Path() != callbackPath && !o.addrs.take(clientOf(c.RealIP()), o.Now()) {
		return refusal{kind: rateLimited}
	}
	defer func() {
		o.inFlight.Add(-1)
		if cause := recover(); cause != nil {
			err = panicError(cause)
		}
	}()
	if o.inFlight.Add(1) > int64(o.MaxInFlight) {
		return refusal{kind: busy}
	}
	return handle(c)
}

// fixedHeaders are headers that many answers carry. Answers share the values and never append to them.
type fixedHeaders []struct {
	name   string // in canonical form
	values []string
}

func (h fixedHeaders) set(c echo.Context) {
	header := c.Response().Header()
	for _, fixed := range h {
		header[fixed.name] = fixed.values
	}
}

// answerHeaders go with every answer: it is for who asked, and is what its Content-Type says.
func answerHeaders() fixedHeaders {
	return fixedHeaders{
		{echo.HeaderCacheControl, []string{"no-store"}},
		{echo.HeaderXContentTypeOptions, []string{"nosniff"}},
	}
}

// pageHeaders go with what a browser shows or runs besides. The page has no inline script or style, and loads nothing
// from elsewhere.
func pageHeaders() fixedHeaders {
	return fixedHeaders{
		{echo.HeaderContentSecurityPolicy, []string{
			"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"}},
		{echo.HeaderReferrerPolicy, []string{"no-referrer"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	}
}
