package smtp_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"boxoffice/notify"
	"boxoffice/notify/smtp"
)

func testMessage() notify.Message {
	return notify.Message{
		ID: "o-1-paid-mail", OrderID: "o-1", Kind: notify.KindPaid, Channel: notify.ChannelMail, To: "alice@example.org", Language: "zh",
		Subject: "\u60a8\u7684\u7968: Spirited Away", Text: "\u8c22\u8c22\n.\nCODE\n", HTML: `<p>CODE</p><img src="cid:ticket-1@boxoffice">`,
		Images: []notify.Image{{ID: "ticket-1@boxoffice", PNG: []byte("\x89PNG...")}}, MadeAt: time.UnixMilli(1_795_000_000_000).UTC(),
	}
}

// A mail comes as it was meant, by each kind of connection: one receiver, a subject in any letters, the text, the page, and
// its pictures.
func TestMailArrives(t *testing.T) {
	for _, security := range []smtp.Security{smtp.TLS, smtp.StartTLS, smtp.Plain} {
		s := newServer(t, security)
		sender := newSender(t, s.options(security))
		for range 2 {
			if err := sender.Send(t.Context(), testMessage()); err != nil {
				t.Fatalf("%s: %v", security, err)
			}
		}
		mails := s.mails()
		if len(mails) != 2 || mails[0].from != "tickets@box.example" || mails[0].to != "alice@example.org" || mails[0].user != testUser {
			t.Fatalf("%s: taken %+v", security, mails)
		}
		mail, err := netmail.ReadMessage(strings.NewReader(mails[0].text))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject"))
		if err != nil || subject != testMessage().Subject {
			t.Errorf("subject %q, %v", subject, err)
		}
		for header, want := range map[string]string{
			"Message-Id": "<o-1-paid-mail@box.example>", "To": "<alice@example.org>", "From": `"Box office" <tickets@box.example>`,
			"Date": "Wed, 18 Nov 2026 11:06:40 +0000", "Auto-Submitted": "auto-generated", "Content-Language": "zh",
		} {
			if got := mail.Header.Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		parts := map[string]string{}
		readParts(t, mail.Header.Get("Content-Type"), mail.Body, parts)
		if parts["text/plain"] != "\u8c22\u8c22\r\n.\r\nCODE\r\n" || !strings.Contains(parts["text/html"], "cid:ticket-1@boxoffice") ||
			parts["image/png"] != "<ticket-1@boxoffice>" {
			t.Errorf("parts %q", parts)
		}
	}
}

// readParts reads the texts of a mail by their kind, and of pictures their ids.
func readParts(t *testing.T, contentType string, body io.Reader, into map[string]string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		t.Fatalf("a part is %s", kind)
	}
	for reader := multipart.NewReader(body, parameters["boundary"]); ; {
		part, err := reader.NextPart() // which decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(kind, "multipart/"):
			readParts(t, part.Header.Get("Content-Type"), bytes.NewReader(text), into)
		case kind == "image/png":
			into[kind] = part.Header.Get("Content-Id")
		default:
			into[kind] = string(text)
		}
	}
}

// What a server says no to is told apart: of the message for good, of the message for now, and of who sends it.
func TestAnswersOfTheServer(t *testing.T) {
	answer := func(code int, enhanced gosmtp.EnhancedCode) error {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "no"}
	}
	for name, c := range map[string]struct {
		at   string
		err  error
		want error // nil: none of those that are known
	}{
		"no such user":           {"rcpt", answer(550, gosmtp.EnhancedCode{5, 1, 1}), notify.ErrRefused},
		"mailbox is full":        {"rcpt", answer(552, gosmtp.EnhancedCode{5, 2, 2}), notify.ErrRefused},
		"text is not wanted":     {"data", answer(554, gosmtp.EnhancedCode{5, 6, 0}), notify.ErrRefused},
		"greylisted":             {"rcpt", answer(451, gosmtp.EnhancedCode{4, 7, 1}), nil},
		"text is not wanted now": {"data", answer(452, gosmtp.EnhancedCode{4, 3, 1}), nil},
		"relaying is denied":     {"rcpt", answer(550, gosmtp.EnhancedCode{5, 7, 1}), nil},
		"sender is not ours":     {"mail", answer(553, gosmtp.EnhancedCode{5, 1, 8}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, smtp.StartTLS)
			s.set(func() { s.fail[c.at] = c.err })
			sender := newSender(t, s.options(smtp.StartTLS))
			err := sender.Send(t.Context(), testMessage())
			if err == nil || errors.Is(err, notify.ErrRefused) != (c.want != nil) || errors.Is(err, notify.ErrAway) {
				t.Errorf("send: %v", err)
			}
			s.set(func() { delete(s.fail, c.at) })
			if err := sender.Send(t.Context(), testMessage()); err != nil || len(s.mails()) != 1 {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

// A server that is not there, or not the one that it should be, is away: no message is to blame, and no word of one is read by
// who listens.
func TestServerThatIsAway(t *testing.T) {
	starttls, plain := newServer(t, smtp.StartTLS), newServer(t, smtp.Plain)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	nobody, _ := newClosedPort(t)
	strange := starttls.options(smtp.StartTLS)
	strange.RootCAs = nil // but those of the system
	wrong := starttls.options(smtp.StartTLS)
	wrong.Password = "wrong"
	for name, options := range map[string]smtp.Options{
		"nobody listens":              optionsFor(t, nobody, smtp.StartTLS, nil),
		"it says nothing":             optionsFor(t, silent.Addr().String(), smtp.StartTLS, nil),
		"it says nothing, with TLS":   optionsFor(t, silent.Addr().String(), smtp.TLS, nil),
		"nobody vouches for it":       strange,
		"it has no STARTTLS":          plain.options(smtp.StartTLS),
		"it has no TLS":               starttls.options(smtp.TLS),
		"it does not know who we are": wrong,
	} {
		t.Run(name, func(t *testing.T) {
			options.Timeout = 10 * time.Second // a try that lasts so long has not seen what it is to see
			if strings.HasPrefix(name, "it says nothing") {
				options.Timeout = 300 * time.Millisecond
			}
			began := time.Now()
			err := newSender(t, options).Send(t.Context(), testMessage())
			if err == nil {
				t.Fatal("it was sent")
			}
			if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown != strings.HasPrefix(name, "nobody vouches") {
				t.Errorf("nobody vouches for the server, or so it seems: %v: %v", unknown, err)
			}
			if !errors.Is(err, notify.ErrAway) || errors.Is(err, notify.ErrRefused) || time.Since(began) > 9*time.Second {
				t.Errorf("send: %v after %v", err, time.Since(began))
			}
			if strings.Contains(err.Error(), testPassword) {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if len(starttls.mails())+len(plain.mails()) != 0 {
		t.Error("a mail was sent")
	}
}

// A server hangs in the middle of a mail: it is left when the time is over, and at once when the process stops.
func TestServerThatHangs(t *testing.T) {
	s := newServer(t, smtp.TLS)
	hangs, release := make(chan struct{}, 2), make(chan struct{})
	defer close(release)
	s.set(func() {
		s.before = func() {
			hangs <- struct{}{}
			<-release
		}
	})
	options := s.options(smtp.TLS)
	options.Timeout = 2 * time.Second
	if err := newSender(t, options).Send(t.Context(), testMessage()); !errors.Is(err, notify.ErrAway) {
		t.Errorf("send: %v", err)
	}
	select {
	case <-hangs:
	case <-time.After(10 * time.Second):
		t.Fatal("the text did not come to the server in 2 s")
	}
	options.Timeout = time.Hour
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() {
		select {
		case <-hangs:
			stop()
		case <-ctx.Done():
		}
	}()
	if err := newSender(t, options).Send(ctx, testMessage()); !errors.Is(err, notify.ErrAway) {
		t.Errorf("send: %v", err)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("the text did not come to the server: %v", ctx.Err())
	}
}

// The connection breaks after the server has taken the mail and has said so: it is taken, and not sent again.
func TestMailThatWasTakenIsTaken(t *testing.T) {
	proxy := newCuttingProxy(t, newServer(t, smtp.Plain))
	if err := newSender(t, proxy.options).Send(t.Context(), testMessage()); err != nil {
		t.Errorf("send: %v", err)
	}
	if n := len(proxy.server.mails()); n != 1 {
		t.Errorf("%d mails were taken", n)
	}
}

// cuttingProxy stands before a server, and cuts the connection right after the answer that the text is taken.
type cuttingProxy struct {
	server  *server
	options smtp.Options
}

func newCuttingProxy(t *testing.T, s *server) *cuttingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		behind, err := net.Dial("tcp", s.addr)
		if err != nil {
			return
		}
		defer func() { _ = behind.Close() }()
		go func() { _, _ = io.Copy(behind, client) }()
		answer := make([]byte, 4096)
		for {
			n, err := behind.Read(answer)
			if err != nil {
				return
			}
			if _, err := client.Write(answer[:n]); err != nil || len(s.mails()) > 0 {
				return
			}
		}
	}()
	return &cuttingProxy{s, optionsFor(t, listener.Addr().String(), smtp.Plain, nil)}
}

// Nothing that comes from a buyer or from a title becomes a header, a receiver or a command.
func TestNothingIsInjected(t *testing.T) {
	s := newServer(t, smtp.TLS)
	sender := newSender(t, s.options(smtp.TLS))
	for what, change := range map[string]func(*notify.Message){
		"a second receiver":          func(m *notify.Message) { m.To = "alice@example.org>\r\nRCPT TO:<bob@example.org" },
		"two receivers":              func(m *notify.Message) { m.To = "alice@example.org, bob@example.org" },
		"a header in the subject":    func(m *notify.Message) { m.Subject = "Ran\r\nBcc: bob@example.org" },
		"a header in the id":         func(m *notify.Message) { m.ID = "o-1\r\nBcc: bob@example.org" },
		"no receiver":                func(m *notify.Message) { m.To = "" },
		"a line break in the middle": func(m *notify.Message) { m.Subject = "Ran\nBcc: bob@example.org" },
	} {
		m := testMessage()
		change(&m)
		if err := sender.Send(t.Context(), m); !errors.Is(err, notify.ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	m := testMessage()
	m.Text = "Thank you\r\n.\r\nMAIL FROM:<x@example.org>\r\n"
	if err := sender.Send(t.Context(), m); err != nil {
		t.Error(err)
	}
	if mails := s.mails(); len(mails) != 1 || mails[0].to != "alice@example.org" {
		t.Errorf("taken %+v", mails)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	good := smtp.Options{Host: "mail.example", Port: 587, Security: smtp.StartTLS, From: "tickets@box.example"}
	if _, err := smtp.New(good); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*smtp.Options){
		"no host":              func(o *smtp.Options) { o.Host = "" },
		"a host with a port":   func(o *smtp.Options) { o.Host = "user@mail.example" },
		"no port":              func(o *smtp.Options) { o.Port = 0 },
		"a port too high":      func(o *smtp.Options) { o.Port = 65536 },
		"no security":          func(o *smtp.Options) { o.Security = "" },
		"a name alone":         func(o *smtp.Options) { o.Username = "office" },
		"no sender":            func(o *smtp.Options) { o.From = "" },
		"a sender with breaks": func(o *smtp.Options) { o.From = "a@box.example\r\nBcc: b@box.example" },
	} {
		options := good
		change(&options)
		if _, err := smtp.New(options); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
