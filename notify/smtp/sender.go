// Package smtp hands mail to an SMTP server.
package smtp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"github.com/wneessen/go-mail"

	"boxoffice/notify"
)

// Sender sends by one server, by a connection for each message. It is safe for concurrent use.
type Sender struct {
	options Options
	from    *netmail.Address
	domain  string // of the sender's address, and so of Message-IDs
}

var _ notify.Sender = (*Sender)(nil)

// New returns a sender, or an error that says which option cannot be used. It connects to nobody yet.
func New(options Options) (*Sender, error) {
	options.Timeout = cmp.Or(options.Timeout, defaultTimeout)
	from, err := netmail.ParseAddress(options.From)
	switch {
	case options.Host == "" || strings.ContainsAny(options.Host, " \r\n/@"):
		return nil, errors.New("host of the mail server is missing or none")
	case options.Port < 1 || options.Port > portMax:
		return nil, fmt.Errorf("port of the mail server is %d", options.Port)
	case options.Security != TLS && options.Security != StartTLS && options.Security != Plain:
		return nil, fmt.Errorf("security of the mail server is %q", options.Security)
	case (options.Username == "") != (options.Password == ""):
		return nil, errors.New("of the mail server's user name and password, only one is given")
	case err != nil:
		return nil, errors.New("sender's address is none")
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return &Sender{options, from, domain}, nil
}

// Send sends one mail. It returns nil as soon as the server has taken it, whatever becomes of the connection then.
func (s *Sender) Send(ctx context.Context, m notify.Message) error {
	message, err := s.compose(m)
	if err != nil {
		return fmt.Errorf("compose mail: %w: %w", notify.ErrRefused, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	dialer := &dialer{options: s.options}
	defer dialer.close()
	defer context.AfterFunc(ctx, dialer.close)() // the library waits for a server that hangs, whatever ctx says
	client, err := s.client(dialer)
	if err != nil {
		return fmt.Errorf("prepare for the mail server: %w: %w", notify.ErrAway, err)
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w: %w", notify.ErrAway, err)
	}
	err = client.SendWithSMTPClient(connection, message)
	if message.IsDelivered() {
		_ = client.CloseWithSMTPClient(connection) // it says goodbye, and whether it is answered does not matter
		return nil
	}
	return classify(err)
}

// client makes the library's client for one message: it is made for one connection.
func (s *Sender) client(d *dialer) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(s.options.Port), mail.WithTimeout(s.options.Timeout), mail.WithTLSConfig(d.tls()), mail.WithDialContextFunc(d.dial),
		mail.WithoutNoop(), mail.WithHELO(s.domain),
	}
	switch s.options.Security {
	case TLS:
		options = append(options, mail.WithSSL())
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case Plain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if s.options.Username != "" {
		options = append(options, mail.WithUsername(s.options.Username), mail.WithPassword(s.options.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return mail.NewClient(s.options.Host, options...)
}

// compose makes a mail of a message. Its Message-ID is the notification's, in each try the same.
func (s *Sender) compose(m notify.Message) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	if err := message.EnvelopeFrom(s.from.Address); err != nil {
		return nil, err
	}
	if err := message.To(m.To); err != nil {
		return nil, err
	}
	for _, header := range []string{m.Subject, m.ID, m.To} {
		if strings.ContainsAny(header, "\r\n\x00") {
			return nil, errors.New("a header has a line break")
		}
	}
	message.SetMessageIDWithValue(m.ID + "@" + s.domain)
	message.SetDateWithValue(m.MadeAt)
	message.Subject(m.Subject)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // so that no absent person's mailbox answers
	message.SetGenHeader("Content-Language", m.Language)
	message.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		message.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	for _, image := range m.Images {
		name, _, _ := strings.Cut(image.ID, "@")
		err := message.EmbedReader(name+".png", bytes.NewReader(image.PNG), mail.WithFileContentID("<"+image.ID+">"),
			mail.WithFileContentType("image/png"))
		if err != nil {
			return nil, err
		}
	}
	return message, nil
}

// classify says what the error of a connection that stood means for the message. That a server knows no such receiver, or
// wants no such text, is about the message; that it does not know us, or is by policy not for us, is about our configuration,
// which a person can change: those are tried again. An error without a code is of the connection.
func classify(err error) error {
	failed, ok := errors.AsType[*mail.SendError](err)
	if !ok || failed.ErrorCode() == 0 {
		return fmt.Errorf("talk to the mail server: %w: %w", notify.ErrAway, err)
	}
	const permanent = 500
	isPolicy := strings.HasPrefix(failed.EnhancedStatusCode(), "5.7.")
	if failed.ErrorCode() >= permanent && failed.Reason != mail.ErrSMTPMailFrom && !isPolicy {
		return fmt.Errorf("send mail: %w: %w", notify.ErrRefused, err)
	}
	return fmt.Errorf("send mail: %w", err)
}
