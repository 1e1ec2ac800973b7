package db_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
)

// A DSN's parameters were dropped without a word: with ?tls=true the passwords went over the network as they are.
func TestParametersOfADSNAreKnownOrRefused(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"tsl=true":                  `"tsl" is unknown`,
		"timeout=3s":                `"timeout" is unknown`,
		"TLS=true":                  `"TLS" is unknown`,
		"tls=preferred":             `tls is "preferred"`,
		"tls=":                      `"tls" must be given once`,
		"tls=true&tls=false":        `"tls" must be given once`,
		"tls=false&tls-name=db":     "tls=false beside",
		"tls=skip-verify&tls-ca=x":  "tls=skip-verify beside tls-ca",
		"tls-ca=" + dir + "/no.pem": "read tls-ca",
		"tls-ca=" + empty:           "no certificate",
		"tls-cert=" + empty:         "tls-cert and tls-key together",
		"tls-cert=x.pem&tls-key=y":  "read tls-cert and tls-key",
		"%zz":                       "cannot be read",
	} {
		d, err := db.Open(t.Context(), "mysql://office:sesame@127.0.0.1:1/stock?"+query)
		if err == nil {
			t.Fatalf("%s: opened %v", query, d)
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q and no password", query, err, want)
		}
	}
}

// A password with characters that mean something in a URL was answered with the form of a DSN, which the DSN seemed to have,
// or with the name of a host that was the user's.
func TestPasswordThatIsNotEncodedIsExplained(t *testing.T) {
	for _, password := range []string{"ses#ame", "ses%ame", "ses/ame", "ses?ame", "1#ame", "1/ame", "1/ame#y", "1?ame", "ses ame", "#", "/"} {
		_, err := db.Open(t.Context(), "mysql://office:"+password+"@127.0.0.1:1/stock")
		if err == nil {
			t.Fatalf("%s: opened", password)
		}
		if !strings.Contains(err.Error(), ": # as %23, % as %25") || strings.Contains(err.Error(), "ame") {
			t.Errorf("%s: %v, want that it must be encoded, and no password", password, err)
		}
		_, err = db.Open(t.Context(), "mysql://office:"+url.PathEscape(password)+"@127.0.0.1:1/stock")
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || strings.Contains(err.Error(), "encoded") {
			t.Errorf("%s encoded: %v, want that nobody answers there", password, err)
		}
	}
}

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: dir}
	a.cert, a.key = a.sign(name, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign writes NAME.pem and NAME.key. The first one signs itself.
func (a *authority) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		// The server may run as another user.
		if err := os.WriteFile(filepath.Join(a.dir, name+file), pem.EncodeToMemory(block), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// newTLSServer starts a MariaDB whose user office must show a certificate of the authority, and returns its address.
func newTLSServer(t *testing.T, dir string) string {
	t.Helper()
	server, err := osexec.LookPath("mariadbd")
	if err != nil {
		if server, err = osexec.LookPath("/usr/sbin/mariadbd"); err != nil {
			t.Skip("there is no mariadbd")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	var user []string
	if os.Geteuid() == 0 {
		user = []string{"--user=mysql"}
	}
	data := filepath.Join(dir, "data")
	install := osexec.CommandContext(t.Context(), "mariadb-install-db", append([]string{"--no-defaults", "--skip-test-db",
		"--datadir=" + data}, user...)...)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install database: %v\n%s", err, out)
	}
	initFile := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(initFile, []byte("CREATE DATABASE stock;\nCREATE USER office IDENTIFIED BY 'sesame' REQUIRE X509;\n"+
		"GRANT ALL ON stock.* TO office;\nCREATE USER plain IDENTIFIED BY 'sesame';\nGRANT ALL ON stock.* TO plain;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	run := osexec.CommandContext(ctx, server, append([]string{
		"--no-defaults", "--datadir=" + data, "--socket=s.sock", "--pid-file=s.pid", "--bind-address=127.0.0.1", "--port=" + port,
		"--init-file=" + initFile, "--innodb-buffer-pool-size=16M", "--performance-schema=OFF", "--skip-name-resolve",
		"--ssl-ca=" + filepath.Join(dir, "ca.pem"), "--ssl-cert=" + filepath.Join(dir, "server.pem"), "--ssl-key=" + filepath.Join(dir, "server.key"),
	}, user...)...)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = run.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		d, err := db.Open(t.Context(), "mysql://plain:sesame@"+address+"/stock")
		if err == nil {
			_ = d.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatalf("the database does not answer: %v", err)
		}
	}
}

func TestTLSIsWhatTheDSNSays(t *testing.T) {
	dir, err := os.MkdirTemp("", "boxoffice-tls-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t, dir, "ca")
	newAuthority(t, dir, "other")
	ca.sign("server", &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"db.example"}})
	ca.sign("client", &x509.Certificate{SerialNumber: big.NewInt(3), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	address := newTLSServer(t, dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	ours := fmt.Sprintf("&tls-cert=%s&tls-key=%s", file("client.pem"), file("client.key"))
	for _, test := range []struct{ user, query, refused string }{
		{user: "office", query: "?tls-ca=" + file("ca.pem") + ours},
		{user: "office", query: "?tls=true&tls-name=db.example&tls-ca=" + file("ca.pem") + ours},
		{user: "office", query: "?tls=skip-verify" + ours},
		{user: "plain", query: "?tls=true&tls-ca=" + file("ca.pem")},
		{user: "plain", query: "?tls=false"},
		{user: "office", query: "", refused: "Access denied"},
		{user: "office", query: "?tls-ca=" + file("ca.pem"), refused: "Access denied"},
		{user: "plain", query: "?tls=true", refused: "x509"},
		{user: "plain", query: "?tls-ca=" + file("other.pem"), refused: "x509"},
		{user: "plain", query: "?tls-name=elsewhere.example&tls-ca=" + file("ca.pem"), refused: "x509"},
	} {
		d, err := db.Open(t.Context(), "mysql://"+test.user+":sesame@"+address+"/stock"+test.query)
		if test.refused != "" {
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s%s: %v, want %q", test.user, test.query, err, test.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s%s: %v", test.user, test.query, err)
			continue
		}
		var status struct {
			Name   string `db:"Variable_name"`
			Cipher string `db:"Value"`
		}
		if err := d.Reader().GetContext(t.Context(), &status, `SHOW STATUS LIKE 'Ssl_cipher'`); err != nil {
			t.Error(err)
		}
		if encrypted := status.Cipher != ""; encrypted == strings.HasSuffix(test.query, "false") {
			t.Errorf("%s%s: cipher %q", test.user, test.query, status.Cipher)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
