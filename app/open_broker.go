package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"boxoffice/broker"
)

// errBrokerFailed ends the process when the embedded broker's log cannot be written. The cause is the error with which
// the broker closes.
var errBrokerFailed = errors.New("the embedded broker can store nothing any more: " +
	"look at its disk, and start again, so that it recovers what is there")

// openBroker starts the embedded broker, unless nameservers of another one are configured.
func (o *office) openBroker(context.Context) error {
	o.nameServers = o.config.NameServers
	if len(o.nameServers) > 0 {
		return nil
	}
	b, err := broker.New(
		broker.WithListen(o.config.BrokerListen),
		broker.WithDataDir(brokerDir(o.config.DataDir)),
		broker.WithLogger(o.log.With("part", "broker")),
		broker.WithRetention(o.config.LogAge, o.config.LogBytes),
		broker.WithCutDamage(o.config.CutDamage),
	)
	if errors.As(err, new(*broker.DamageError)) {
		return fmt.Errorf("set BOXOFFICE_CUT_DAMAGE=true for one start to give up what is damaged: %w", err)
	}
	switch {
	case broker.IsLocked(err):
		return fmt.Errorf("an office runs in %s already: set BOXOFFICE_DATA_DIR to another directory for a second one: %w", o.config.DataDir, err)
	case errors.As(err, new(*fs.PathError)):
		return fmt.Errorf("set BOXOFFICE_DATA_DIR to a directory that can be written: %w", err)
	case err != nil:
		return fmt.Errorf("set BOXOFFICE_BROKER_LISTEN to a free address: %w", err)
	}
	o.onClose(b.Close)
	if err := writeNameServer(o.config.DataDir, b.Addr()); err != nil {
		return fmt.Errorf("note the broker's address: %w", err)
	}
	o.brokerFailed = b.Failed()
	o.nameServers = []string{b.Addr()}
	return nil
}
