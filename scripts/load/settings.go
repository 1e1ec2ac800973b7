package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"boxoffice/scripts/load/traffic"
)

const (
	buyersMax  = 16384
	rateMax    = 1_000_000
	ticketsMax = 1_000_000 // the shop's own limit
	startsMax  = 100_000_000
	forMax     = time.Hour
	sampleMax  = 100_000
)

const usageText = `usage: go run ./scripts/load [flags]

It puts a screening of its own on sale, buys its tickets as many buyers at once, pays for some of them, and checks that
the shop has lost nothing and sold nothing twice. Everybody can buy from that screening while the test runs. At the end
its sale is closed, as the administrator who made it; where that fails the report warns, and the screening stays on sale
for a day. The screening and its orders stay in the shop in any case.

In the report "rejected" is every answer but "accepted": it includes "sold out", "busy" and "other".

It ends with
  0  when nothing was lost or sold twice
  1  when the shop broke a promise (the report says VIOLATED), or when the test could not be run
  3  when the shop could not be asked until -settle was over, or when orders went on expiring until half of it was left
     (the report says that the sale could not be checked, and why): it may have kept its promises, or not

`

// settings is the parsed command line.
type settings struct {
	shop          *url.URL
	plan          traffic.Plan
	pay           float64 // share of the accepted orders
	tickets       int64
	sample        int           // accepted orders that are read back
	timeout       time.Duration // of one request
	settle        time.Duration // for everything to come to rest after the sale
	jwtSecret     []byte        // nil: tokens come from the demo
	webhookSecret string        // empty: the demo's simulator pays
	json          bool
}

func parse(args []string, getenv func(string) string, usage io.Writer) (settings, error) {
	var s settings
	var shop, jwtEnv, webhookEnv string
	var own bool
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		_, _ = io.WriteString(usage, usageText)
		flags.PrintDefaults()
	}
	flags.StringVar(&shop, "shop", "http://127.0.0.1:8080", "address of the shop")
	flags.IntVar(&s.plan.Workers, "buyers", 256, "buyers, each with a connection")
	flags.Float64Var(&s.plan.Rate, "rate", 0, "purchases per second, planned beforehand (0: each buyer buys again when answered)")
	flags.DurationVar(&s.plan.For, "for", 10*time.Second, "duration of the sale")
	flags.Float64Var(&s.pay, "pay", 0.7, "share of the orders that are paid")
	flags.Int64Var(&s.tickets, "tickets", 5000, "capacity of the screening that is made for the test")
	flags.IntVar(&s.sample, "sample", 500, "orders that are read back at the end")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Second, "limit of one request")
	flags.DurationVar(&s.settle, "settle", 30*time.Second, "time in which orders must reach their state after the sale")
	flags.StringVar(&jwtEnv, "jwt-secret-env", "", "name of the environment variable with the tokens' secret (empty: the demo gives tokens)")
	flags.StringVar(&webhookEnv, "webhook-secret-env", "",
		"name of the environment variable with the payment provider's secret (empty: the demo pays)")
	flags.BoolVar(&own, "i-own-this-host", false, "allow an address that is not loopback")
	flags.BoolVar(&s.json, "json", false, "print one line of JSON instead of tables")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	var err error
	if s.shop, err = parseShop(shop, own); err != nil {
		return settings{}, err
	}
	if err := s.readSecrets(getenv, jwtEnv, webhookEnv); err != nil {
		return settings{}, err
	}
	return s, s.check()
}

// parseShop refuses other people's hosts: this program is a weapon against a shop that is not yours.
func parseShop(text string, own bool) (*url.URL, error) {
	shop, err := url.Parse(text)
	if err != nil || shop.Host == "" || (shop.Scheme != "http" && shop.Scheme != "https") || (shop.Path != "" && shop.Path != "/") {
		return nil, fmt.Errorf("-shop must be http://host:port, not %q", text)
	}
	shop.Path = ""
	ip := net.ParseIP(shop.Hostname())
	if loopback := shop.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()); !loopback && !own {
		return nil, fmt.Errorf("%s is not a loopback address: give -i-own-this-host if you may load it", shop.Hostname())
	}
	return shop, nil
}

// readSecrets reads the secrets as the office does: without the line breaks that files and consoles add around them.
func (s *settings) readSecrets(getenv func(string) string, jwtEnv, webhookEnv string) error {
	if jwtEnv != "" {
		if s.jwtSecret = []byte(strings.TrimSpace(getenv(jwtEnv))); len(s.jwtSecret) == 0 {
			return fmt.Errorf("the environment variable %s is empty", jwtEnv)
		}
	}
	if webhookEnv != "" {
		secrets := strings.Fields(getenv(webhookEnv))
		if len(secrets) == 0 {
			return fmt.Errorf("the environment variable %s is empty", webhookEnv)
		}
		s.webhookSecret = secrets[0] // the office takes any of several, while one is replaced
	}
	if s.jwtSecret != nil && s.webhookSecret == "" && s.pay > 0 {
		return errors.New("a shop with secrets has no payment simulator: give -webhook-secret-env, or -pay 0")
	}
	return nil
}

func (s *settings) check() error {
	switch {
	case s.plan.Workers < 1 || s.plan.Workers > buyersMax:
		return fmt.Errorf("-buyers must be from 1 to %d", buyersMax)
	case s.plan.Rate < 0 || s.plan.Rate > rateMax:
		return fmt.Errorf("-rate must be from 0 to %d", rateMax)
	case s.plan.For <= 0 || s.plan.For > forMax:
		return fmt.Errorf("-for must be up to %s", forMax)
	case s.plan.Total() > startsMax:
		return fmt.Errorf("-rate times -for must be up to %d", startsMax)
	case s.plan.Rate > 0 && s.plan.Total() < 1:
		return errors.New("-rate times -for is less than one purchase")
	case s.pay < 0 || s.pay > 1:
		return errors.New("-pay must be from 0 to 1")
	case s.tickets < 1 || s.tickets > ticketsMax:
		return fmt.Errorf("-tickets must be from 1 to %d", ticketsMax)
	case s.sample < 1 || s.sample > sampleMax:
		return fmt.Errorf("-sample must be from 1 to %d", sampleMax)
	case s.timeout <= 0 || s.settle <= 0:
		return errors.New("-timeout and -settle must be positive")
	}
	return nil
}
