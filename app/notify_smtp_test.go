//go:build !race

package app

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real one, with TLS from the first byte and a user, that keeps what it is given.
type mailServer struct {
	address string
	caFile  string // of the authority that has signed its certificate

	mu    sync.Mutex
	mails []string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // for its certificate, which is good for 127.0.0.1
	certified.Close()
	m := &mailServer{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	if err := os.WriteFile(m.caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: m}, nil }))
	server.TLSConfig = certified.TLS
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = listener.Addr().String()
	go func() { _ = server.Serve(tls.NewListener(listener, server.TLSConfig)) }()
	t.Cleanup(func() { _ = server.Close() })
	return m
}

// to is the mails that somebody got.
func (m *mailServer) to(address string) (found []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range m.mails {
		if strings.HasPrefix(mail, address+"\n") {
			found = append(found, mail)
		}
	}
	return found
}

type mailSession struct {
	server *mailServer
	known  bool
	to     string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.known = user == "rex" && password == "p@ss"; !s.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.to+"\n"+string(text))
	return err
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// The whole way with a real mail server: its URL with a user, a password and an authority, a purchase that is paid, and each
// mail once, though every message comes twice and the process is another one in between.
func TestMailOfAPurchaseByARealServer(t *testing.T) {
	server := newMailServer(t)
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.addTickets()
	o.addMail(server.address)
	o.env["BOXOFFICE_SMTP_URL"] = "smtps://rex:p%40ss@" + server.address + "?tls-ca=" + server.caFile
	o.env["BOXOFFICE_PUBLIC_URL"] = "https://rex.example"
	o.queue.DeliverTwice(true)
	o.start()
	screening := o.addScreening(10, 0)
	o.tellsAt("alice", `{"email":"alice@example.org","language":"zh"}`)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyMail(order.ID, "reserved", "mail", "sent")
	o.stop()
	o.start("-roles", "api,stock,order,tickets")
	if result := o.callback("pay-"+order.ID, order.ID, 2); result != "applied" {
		t.Fatalf("payment was %s", result)
	}
	o.eventuallyStatus("alice", order.ID, "paid")
	if n := len(server.to("alice@example.org")); n != 1 {
		t.Errorf("%d mails without a process that sends, want that of before", n)
	}
	o.stop()
	o.start()
	o.eventuallyMail(order.ID, "paid", "mail", "sent")
	mails := server.to("alice@example.org")
	if len(mails) != 2 {
		t.Fatalf("%d mails, want 2:\n%s", len(mails), strings.Join(mails, "\n"))
	}
	for _, want := range []string{"Message-ID: <", `From: "Rex" <tickets@rex.example>`, "Content-Type: image/png", "Subject: =?UTF-8?"} {
		if !strings.Contains(strings.ToLower(mails[1]), strings.ToLower(want)) {
			t.Errorf("the mail has no %s:\n%s", want, mails[1])
		}
	}
	if text := decodedParts(mails[1]); !strings.Contains(text, "https://rex.example/tickets#"+order.ID) || !strings.Contains(text, "\u7968") {
		t.Errorf("the mail does not lead to the tickets, in Chinese:\n%s", text)
	}
}

// Orders are made later than they are bought, here by a process that starts later. A buyer who says meanwhile where to be told
// is told, once, by whoever sends. When only orders that were there already were looked for, no mail said that it was to be paid.
func TestContactComesWhileNobodyMakesOrders(t *testing.T) {
	server := newMailServer(t)
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.addMail(server.address)
	o.env["BOXOFFICE_SMTP_URL"] = "smtps://rex:p%40ss@" + server.address + "?tls-ca=" + server.caFile
	o.start("-roles", "api,stock")
	order := o.mustBuy("alice", o.addScreening(10, 0), 2)
	o.tellsAt("alice", `{"email":"alice@example.org","language":"en"}`)
	if told := o.mailsOf(order.ID); len(told) != 1 || told[0].Kind != "reserved" || told[0].State != "due" {
		t.Fatalf("without a process that makes orders alice is to be told %+v", told)
	}
	o.stop()
	o.start()
	o.eventuallyMail(order.ID, "reserved", "mail", "sent")
	if n := len(server.to("alice@example.org")); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// decodedParts is a mail with its lines of base64 read, and those of quoted-printable joined.
func decodedParts(mail string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.ReplaceAll(mail, "\r\n", "\n"), "\n\n") {
		if raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(part, "\n", "")); err == nil {
			b.Write(raw)
			continue
		}
		b.WriteString(strings.NewReplacer("=\n", "", "=3D", "=", "=E7=A5=A8", "\u7968").Replace(part) + "\n")
	}
	return b.String()
}
