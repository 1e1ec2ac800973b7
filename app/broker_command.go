package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
)

// runBroker runs the embedded broker alone, for any RocketMQ client of this machine: boxoffice broker, and its own flags.
func runBroker(ctx context.Context, call settings.Invocation) error {
	flags := flag.NewFlagSet("boxoffice broker", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9876", "address of nameserver and broker")
	data := flags.String("data", "./data/broker", "directory of the log")
	checkAfter := flags.Duration("check-timeout", 6*time.Second, "age of a half message at its first check-back")
	checkInterval := flags.Duration("check-interval", 30*time.Second, "time between two rounds of check-backs")
	logAge := flags.Duration("log-age", 72*time.Hour, "time that messages are kept; 0 is for ever")
	logBytes := flags.Int64("log-bytes", 0, "bytes of messages that are kept; 0 is no limit")
	cutDamage := flags.Bool("cut-damage", false, "give up what is damaged in the log and all behind it, for one start")
	if err := settings.ParseFlags(flags, call, func() { flags.SetOutput(call.Stdout); flags.PrintDefaults() }); err != nil {
		return err
	}
	if *data == "" {
		return errors.New("set -data to a directory")
	}
	if *logAge < 0 || *logBytes < 0 {
		return errors.New("set -log-age and -log-bytes to 0 or more")
	}
	b, err := broker.New(
		broker.WithListen(*listen), broker.WithDataDir(*data),
		broker.WithTransactionTimeout(*checkAfter), broker.WithTransactionCheckInterval(*checkInterval),
		broker.WithLogger(call.NewLog(slog.LevelInfo)),
		broker.WithRetention(*logAge, *logBytes), broker.WithCutDamage(*cutDamage),
	)
	if err != nil {
		return brokerRemedy(err, "-listen", "-data", *data, "-cut-damage")
	}
	_, _ = fmt.Fprintf(call.Stdout, "boxoffice broker is ready: nameserver and broker on %s, data in %s\n", b.Addr(), *data)
	select {
	case <-ctx.Done():
		return b.Close()
	case <-b.Failed():
		return errors.Join(errBrokerFailed, b.Close())
	}
}
