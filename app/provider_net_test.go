//go:build !race

package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// providerKeys are the keys with which the office signs for WeChat Pay and for Alipay, and those with which these sign.
type providerKeys struct {
	wechatOurs, alipayOurs *rsa.PrivateKey
	theirs                 [2]*rsa.PrivateKey // the one that is used, and the one to which it changes
	signs                  int                // which of the two signs, and so with all that there are two of
}

func newProviderKeys(t *testing.T) (keys providerKeys) {
	t.Helper()
	for _, into := range []**rsa.PrivateKey{&keys.wechatOurs, &keys.alipayOurs, &keys.theirs[0], &keys.theirs[1]} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		*into = key
	}
	return keys
}

// publicPEM is a public key as providers give it to merchants.
func publicPEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// privatePEM is a merchant's key as it is kept.
func privatePEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// serveAt serves hosts of the internet, over TLS, for a process with the environment that it returns: all its calls to others
// than this machine go by a proxy, and it trusts the certificate of the hosts.
func serveAt(t *testing.T, hosts map[string]http.Handler) (environment map[string]string) {
	t.Helper()
	certificate, file := newCertificate(t, slices.Sorted(maps.Keys(hosts)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, known := hosts[r.Host]
		if !known {
			t.Errorf("the office calls %s", r.Host)
			http.NotFound(w, r)
			return
		}
		host.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("the office calls %s without TLS", r.URL)
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		connect(w, server.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	return map[string]string{"HTTPS_PROXY": proxy.URL, "HTTP_PROXY": proxy.URL, "NO_PROXY": "127.0.0.1", "SSL_CERT_FILE": file}
}

// connect makes the connection of a request one to the address.
func connect(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = there.Close() }()
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = here.Close() }()
	go func() {
		_, _ = io.Copy(there, buffered) // until either end is closed
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
}

// newCertificate is the certificate of the hosts, which vouches for itself, and the file that has it.
func newCertificate(t *testing.T, hosts []string) (certificate tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the providers of a test"}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
