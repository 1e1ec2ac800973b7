package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// runServe runs the office, which is what the program does without a command. It opens every part in the order in which
// they depend on each other, prints that it is ready, and closes them in the reverse order when ctx ends.
func runServe(ctx context.Context, call invocation) (err error) {
	config, err := parseConfig(call)
	if err != nil {
		return err
	}
	o, err := openOffice(ctx, config, call.Now, call.newLog(config.LogLevel))
	defer func() { err = errors.Join(err, o.close()) }()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(call.Stdout, o.readyLine())
	return o.wait(ctx)
}

// openOffice opens every part. The caller closes the office, also after an error.
func openOffice(ctx context.Context, config Config, now func() time.Time, log *slog.Logger) (*office, error) {
	o := &office{config: config, now: now, log: log, registry: prometheus.NewRegistry()}
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// What has begun when ctx ends is finished and not cut off: no part sees ctx end, each is closed.
	background := context.WithoutCancel(ctx)
	for _, open := range o.openingOrder() {
		if err := open(background); err != nil {
			return o, err
		}
	}
	o.ready.Store(true)
	return o, nil
}

// openingOrder is every part of the office after those that it depends on. Closing in the reverse order, a process first
// says that it is not ready, then finishes HTTP requests, then the messages that its consumers have, and so on; what it
// sends meanwhile finds producers, databases and the embedded broker still open.
func (o *office) openingOrder() []func(context.Context) error {
	return slices.Concat([]func(context.Context) error{
		o.openBroker,
		o.openDemoSecrets,
		o.openDatabases,
		o.openQueue,
	}, o.servicesInOrder(), []func(context.Context) error{
		o.openArchiver,
		o.openMetrics,
		o.openHTTP,
	})
}

// wait returns when ctx ends, or with the error of a part without which the office cannot go on.
func (o *office) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-o.failed:
		return err
	case <-o.brokerFailed:
		return errBrokerFailed
	}
}

// readyLine tells people and scripts that the office is ready, and its addresses.
func (o *office) readyLine() string {
	var line strings.Builder
	line.WriteString("boxoffice is ready: ")
	if o.shop != nil {
		fmt.Fprintf(&line, "shop http://%s, ", o.shop.Addr())
	}
	fmt.Fprintf(&line, "admin http://%s, nameserver %s", o.admin.Addr(), strings.Join(o.nameServers, ";"))
	if len(o.config.NameServers) == 0 {
		line.WriteString(" (embedded)")
	}
	fmt.Fprintf(&line, ", roles %s", strings.Join(o.config.Roles, ","))
	if o.config.Demo {
		line.WriteString(", demo: anybody gets a token")
	}
	return line.String()
}
