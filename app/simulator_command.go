package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/payment"
	"boxoffice/simulator"
)

// simulatorAPI is the path of the simulator's API, below its address.
const simulatorAPI = "/api"

// runSimulator plays the payment provider of an office, and misbehaves as its flags say: boxoffice simulator, and its own
// flags. The office is told of it by BOXOFFICE_PAYMENT_URL, and both have the same BOXOFFICE_WEBHOOK_SECRET.
func runSimulator(ctx context.Context, call settings.Invocation) (err error) {
	var listen, publicURL, action string
	var seed uint64
	var anywhere bool
	var faults *simulator.Faults
	define := func(flags *flag.FlagSet) {
		flags.StringVar(&listen, "listen", "127.0.0.1:8082", "address of the simulator")
		flags.StringVar(&publicURL, "public-url", "", "URL at which browsers and the office reach it (empty: its address)")
		flags.Uint64Var(&seed, "seed", 1, "of all that is decided: the same seed deals the same to the same purchases, at other times")
		flags.BoolVar(&anywhere, "callbacks-anywhere", false, "send callbacks to other machines too: whoever has the secret names their address")
		flags.StringVar(&action, "action", string(payment.Redirect), "how a payer comes to the page of a payment: redirect, qr or form")
		faults = simulator.DefineFlags(flags)
	}
	flags := flag.NewFlagSet("boxoffice simulator", flag.ContinueOnError)
	define(flags)
	if err := settings.ParseFlags(flags, call, func() { settings.PrintFlags(call.Stdout, define) }); err != nil {
		return err
	}
	secrets, err := settings.ReadSecrets(call.Getenv)
	if err != nil {
		return err
	}
	if secrets[settings.EnvWebhookSecret] == "" {
		return fmt.Errorf("set %s to the secret that the office has", settings.EnvWebhookSecret)
	}
	options := simulator.Options{Secret: secrets[settings.EnvWebhookSecret], Seed: seed, Faults: *faults, Now: call.Now,
		Action: payment.ActionKind(action), Log: call.NewLog(slog.LevelInfo)}
	if anywhere {
		options.AllowedCallback = func(string) bool { return true }
	}
	s, err := openSimulator(listen, publicURL, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	_, _ = fmt.Fprintf(call.Stdout, "boxoffice simulator is ready: %s, for the office BOXOFFICE_PAYMENT_URL=%s%s\n", s.url, s.url, simulatorAPI)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// servedSimulator is a simulator on an address.
type servedSimulator struct {
	*simulator.Simulator
	url    string
	server *http.Server
	failed chan error
}

// openSimulator serves a simulator on an address.
func openSimulator(listen, publicURL string, options simulator.Options) (*servedSimulator, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("set -listen to a free address: %w", err)
	}
	s := &servedSimulator{url: publicURL, failed: make(chan error, 1)}
	if s.url == "" {
		s.url = "http://" + l.Addr().String()
	}
	options.PublicURL = func() string { return s.url }
	if s.Simulator, err = simulator.New(options); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.server = api.NewServer(s.Handler())
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve the simulator on %s: %w", l.Addr(), err)
		}
	}()
	return s, nil
}

// close ends the requests in flight, and then the deliveries.
func (s *servedSimulator) close() error {
	err := drain(context.Background(), s.server.Shutdown)
	s.Close()
	return err
}
