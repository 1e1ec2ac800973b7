package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"strings"
	"time"
)

// Security is how the connection to the server is kept from being read.
type Security string

// The ways. Who is asked for a name and a password is not told them over Plain, but on this machine.
const (
	TLS      Security = "tls"      // from the first byte: smtps, port 465
	StartTLS Security = "starttls" // asked for, and required: submission, port 587
	Plain    Security = "plain"    // not at all: for a server on this machine
)

// Options configures a Sender.
type Options struct {
	Host     string // required
	Port     int    // required
	Security Security
	Username string // empty: the server asks for nobody
	Password string
	From     string         // address with or without a name: "Box office <tickets@example.org>"; required
	RootCAs  *x509.CertPool // nil: those of the system
	Timeout  time.Duration  // of one message, connection and all; default 20 s
}

const (
	defaultTimeout = 20 * time.Second
	portMax        = 65535
)

// address is where the server is.
func (o Options) address() string {
	return net.JoinHostPort(strings.Trim(o.Host, "[]"), strconv.Itoa(o.Port))
}

// tlsConfig is by whom the server has to be vouched for.
func (o Options) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: strings.Trim(o.Host, "[]"), RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
}
