package app

import (
	"context"
	"errors"
	"fmt"

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
	if err != nil {
		return brokerRemedy(err, "BOXOFFICE_BROKER_LISTEN", "BOXOFFICE_DATA_DIR", o.config.DataDir, "BOXOFFICE_CUT_DAMAGE=true")
	}
	o.onClose(b.Close)
	if err := writeNameServer(o.config.DataDir, b.Addr()); broker.IsFull(err) {
		o.log.Warn("the broker's address could not be noted: until there is room the doctor needs -namesrv", "nameserver", b.Addr(), "error", err)
	} else if err != nil {
		return fmt.Errorf("set BOXOFFICE_DATA_DIR to a directory that can be written: note the broker's address: %w", err)
	}
	o.brokerFailed = b.Failed()
	o.nameServers = []string{b.Addr()}
	return nil
}
