package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"boxoffice/api"
	"boxoffice/app/settings"
)

// openHTTP opens the operators' listener, and the shop's in a process that sells. A listener is bound before it is
// served, so that a taken port is an error of the start. The operators' listener is closed last: it answers "not ready"
// while the shop finishes the requests that it has.
func (o *office) openHTTP(context.Context) (err error) {
	o.failed = make(chan error, 2)
	if o.admin, err = o.listen(o.config.AdminListen, "BOXOFFICE_ADMIN_LISTEN"); err != nil {
		return err
	}
	o.serveHTTP(o.admin, api.Admin(api.AdminOptions{Probes: append(o.checks, o.readiness()), Registry: o.registry, Log: o.log.With("part", "admin")}))
	if !o.config.HasRole(settings.RoleAPI) {
		return nil
	}
	if o.shop, err = o.listen(o.config.Listen, "BOXOFFICE_LISTEN"); err != nil {
		return err
	}
	o.shopAddress.Store("http://" + o.shop.Addr().String())
	handler, err := api.New(o.shopOptions())
	if err != nil {
		return err
	}
	o.serveHTTP(o.shop, handler)
	o.onClose(func() error { o.desk.Close(); return nil }) // before the server, which waits for every answer
	if o.live != nil {                                     // before the server closes, which waits for every request to end
		o.onClose(func() error { o.live.Close(); return nil })
	}
	return nil
}

func (o *office) shopOptions() api.Options {
	options := api.Options{
		Stock: o.stock, Seller: o.seller, Orders: o.orders, Payments: o.payments, Archive: o.archive, Live: o.live, Process: o.process,
		Identity: o.identity, PublicURL: o.config.PublicURL, Zone: zoneName(time.Local.String(), filepath.EvalSymlinks),
		BuyerRate: o.config.BuyerRate, AddressRate: o.config.AddressRate,
		Operators: o.operators,
		Metrics:   o.registry, Now: o.now, Wall: o.wall, Log: o.log.With("part", "api"), Tracer: o.tracer,
	}
	if o.tickets != nil { // a nil pointer in the interface would be none
		options.Tickets = o.tickets
	}
	if o.notify != nil {
		options.Notify, options.NotifyChannels = o.notify, o.config.NotifyChannels()
	}
	if o.config.Demo {
		options.Demo = &api.Demo{
			CallbackURL: func() string { return o.shopURL() + api.CallbackPath },
			Sign:        o.webhooks.Sign,
		}
	}
	return options
}

func (o *office) listen(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("set %s to a free address: %w", setting, err)
	}
	o.onClose(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil // its server has closed it
	})
	return l, nil
}

func (o *office) serveHTTP(l net.Listener, handler http.Handler) {
	server := api.NewServer(handler)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.failed <- fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
		}
	}()
	o.onClose(func() error { return o.drain(context.Background(), server.Shutdown) })
}

// readiness is the check whether this process is wanted to be sent requests.
func (o *office) readiness() api.Probe {
	return api.Probe{Name: "started and not stopping", Check: func(context.Context) error {
		if !o.ready.Load() {
			return errors.New("no")
		}
		return nil
	}}
}
