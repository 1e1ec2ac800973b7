package app

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"boxoffice/app/settings"
)

// The lines that tell the life of a process: what starts, that it is ready, that it stops and why, and that it has stopped.

// logStart says what starts, on which databases and queue, and in which zone it tells times: of a TZ that does not exist nothing
// else says that it is UTC.
func (o *office) logStart() {
	o.log.Info("office starts", "version", version(), "roles", strings.Join(o.config.Roles, ","), "stock_database", place(o.config.StockDSN),
		"order_database", place(o.config.OrderDSN), "queue", queuePlace(o.config), "demo", o.config.Demo, "traces", o.config.Traces,
		"time_zone", time.Local.String())
}

// place is where a database is, without the secrets of its DSN.
func place(dsn string) string {
	parsed, err := url.Parse(dsn)
	switch {
	case err != nil:
		return "of a DSN that cannot be read"
	case parsed.Host == "":
		return dsn
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// queuePlace is where the message queue is.
func queuePlace(c settings.Config) string {
	if len(c.NameServers) == 0 {
		return "embedded"
	}
	return strings.Join(c.NameServers, ";")
}

// sayReady tells people and scripts that the office is ready, in a line of its own or as an object among objects.
func (o *office) sayReady(stdout io.Writer) {
	if o.config.LogFormat == settings.LogText {
		_, _ = fmt.Fprintln(stdout, o.readyLine())
		return
	}
	o.log.Info("office is ready", "shop", o.shopURL(), "admin", "http://"+o.admin.Addr().String(), "nameserver", strings.Join(o.nameServers, ";"))
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
		fmt.Fprintf(&line, ", demo: anybody gets a token, payment simulator %s", strings.TrimSuffix(o.config.PaymentURL, simulatorAPI))
	}
	return line.String()
}

// stop closes the office, and logs that it stops and why, and how long that took. cause is nil for a signal.
func (o *office) stop(cause error) error {
	began := time.Now()
	if cause == nil {
		o.log.Info("office stops", "cause", "a signal")
	} else {
		o.log.Error("office stops", "cause", cause)
	}
	err := o.close()
	if err != nil {
		o.log.Error("office stopped, and not all of it as it should", "took", time.Since(began).Round(time.Millisecond), "error", err)
	} else {
		o.log.Info("office stopped", "took", time.Since(began).Round(time.Millisecond))
	}
	return err
}
