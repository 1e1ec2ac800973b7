package smtp_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"boxoffice/notify/smtp"
)

const (
	testUser     = "office"
	testPassword = "secret"
)

// received is a mail as the server has taken it.
type received struct {
	from, to, text string
	user           string // who was signed in
}

// server is a real SMTP server, whose answers the test sets.
type server struct {
	t         *testing.T
	addr      string
	authority *x509.CertPool
	smtp      *gosmtp.Server

	mu     sync.Mutex
	taken  []received
	fail   map[string]error // by "mail", "rcpt", "data"
	before func()           // is called before a text is taken; may be nil
	after  func()           // and once it is
}

// newServer starts a server with this security.
func newServer(t *testing.T, security smtp.Security) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startServer(t, security, listener)
}

// newClosedPort returns the address of a port that refuses connections, and that nobody else can take, until listen opens it.
func newClosedPort(t *testing.T) (address string, listen func() net.Listener) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "a port")
	t.Cleanup(func() { _ = file.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at, isIPv4 := bound.(*syscall.SockaddrInet4)
	if !isIPv4 {
		t.Fatalf("bound to %v", bound)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port)), func() net.Listener {
		t.Helper()
		if err := syscall.Listen(fd, syscall.SOMAXCONN); err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close() // the listener has a copy of its own
		return listener
	}
}

func startServer(t *testing.T, security smtp.Security, listener net.Listener) *server {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // for its certificate, which is for 127.0.0.1
	t.Cleanup(certified.Close)
	s := &server{t: t, authority: x509.NewCertPool(), fail: map[string]error{}}
	s.authority.AddCert(certified.Certificate())
	config := &tls.Config{Certificates: certified.TLS.Certificates}
	s.smtp = gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) {
		return &session{server: s}, nil
	}))
	s.smtp.Domain, s.smtp.ErrorLog, s.smtp.AllowInsecureAuth = "mail.example", quiet{}, security == smtp.Plain
	s.addr = listener.Addr().String()
	switch security {
	case smtp.TLS:
		listener = tls.NewListener(listener, config)
	case smtp.StartTLS:
		s.smtp.TLSConfig = config
	}
	var running sync.WaitGroup
	running.Go(func() { _ = s.smtp.Serve(listener) })
	t.Cleanup(func() {
		_ = s.smtp.Close()
		_ = listener.Close() // which the server does not know of yet if the test was so short
		running.Wait()
	})
	return s
}

// quiet logs nothing of what a test does on purpose.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) mails() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.taken...)
}

func (s *server) failing(at string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail[at]
}

// options are those of a sender by this server.
func (s *server) options(security smtp.Security) smtp.Options {
	return optionsFor(s.t, s.addr, security, s.authority)
}

func optionsFor(t *testing.T, address string, security smtp.Security, authority *x509.CertPool) smtp.Options {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return smtp.Options{
		Host: host, Port: port, Security: security, Username: testUser, Password: testPassword,
		From: "Box office <tickets@box.example>", RootCAs: authority,
	}
}

func newSender(t *testing.T, options smtp.Options) *smtp.Sender {
	t.Helper()
	sender, err := smtp.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// session is one connection.
type session struct {
	*server
	mail received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != testUser || password != testPassword {
			return errors.New("wrong password")
		}
		s.mail.user = username
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	s.mail.from = from
	return s.failing("mail")
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.mail.to = strings.TrimPrefix(s.mail.to+","+to, ",")
	return s.failing("rcpt")
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		before()
	}
	if err := s.failing("data"); err != nil {
		return err
	}
	s.mail.text = string(text)
	s.set(func() { s.taken = append(s.taken, s.mail) })
	if after != nil {
		after()
	}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
