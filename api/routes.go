package api

import (
	"fmt"

	"github.com/labstack/echo/v4"
)

const callbackPath = "/v1/payments/callback"

// routes is every call of the public listener, in the order of openapi.yaml.
func (o *office) routes() (*echo.Echo, error) {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // X-Forwarded-For is whatever a client writes into it
	e.HTTPErrorHandler = func(err error, c echo.Context) { o.refuse(c, err) }
	e.Use(o.frame)

	e.GET("/v1/screenings", o.listScreenings)
	e.GET("/v1/screenings/:id", o.getScreening)
	e.POST("/v1/screenings", o.allow(roleAdmin, o.addScreening))
	e.PATCH("/v1/screenings/:id", o.allow(roleAdmin, o.changeScreening))
	e.POST("/v1/screenings/:id/orders", o.allow(roleBuyer, o.purchase))
	e.GET("/v1/orders", o.allow(roleBuyer, o.listOrders))
	e.GET("/v1/orders/:id", o.allow(roleBuyer, o.getOrder))
	e.POST("/v1/orders/:id/cancel", o.allow(roleBuyer, o.cancelOrder))
	e.POST(callbackPath, o.paymentCallback)
	if o.Demo != nil {
		e.POST("/v1/dev/tokens", o.makeToken)
		e.POST("/v1/dev/payments", o.allow(roleBuyer, o.simulatePayment))
	}
	if err := o.addPages(e); err != nil {
		return nil, fmt.Errorf("read embedded pages: %w", err)
	}
	for _, route := range e.Routes() {
		o.requests.add(route.Method, route.Path)
	}
	return e, nil
}

// frame is the one middleware: echo makes a closure for each one on every request, and this runs before every sale.
func (o *office) frame(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := o.Now()
		header := c.Response().Header()
		for _, fixed := range o.headers {
			header[fixed.name] = fixed.values
		}
		c.SetRequest(withTrace(c.Request()))
		err := o.serve(next, c)
		if err != nil {
			o.refuse(c, err)
		}
		elapsed := o.Now().Sub(start)
		o.requests.observe(c, elapsed)
		o.logRequest(c, elapsed, err)
		return nil
	}
}

// serve calls the handler when there is room for one more request, and turns a panic of it into an error: one bad
// request must not end the process with everybody else's.
func (o *office) serve(next echo.HandlerFunc, c echo.Context) (err error) {
	if !o.addrs.off() && c.Path() != callbackPath && !o.addrs.take(c.RealIP()) {
		return refusal{kind: rateLimited}
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return refusal{kind: busy}
	}
	defer func() {
		<-o.slots
		if cause := recover(); cause != nil {
			err = panicError(cause)
		}
	}()
	return next(c)
}

// fixedHeader is a header that every answer carries. Answers share the values and never append to them.
type fixedHeader struct {
	name   string // in canonical form
	values []string
}

// securityHeaders fit the page: it has no inline script or style and loads nothing from elsewhere.
func securityHeaders() []fixedHeader {
	return []fixedHeader{
		{"Content-Security-Policy", []string{
			"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Cache-Control", []string{"no-store"}},
	}
}
