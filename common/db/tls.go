package db

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
)

// The parameters of a MySQL DSN, which all configure TLS. With any of them the connection is encrypted or refused.
const (
	paramTLS    = "tls"      // true, false (the default without the others), or skip-verify
	paramCA     = "tls-ca"   // file of the authorities' certificates; the system's by default
	paramCert   = "tls-cert" // file of the client's certificate
	paramKey    = "tls-key"  // file of its key
	paramServer = "tls-name" // the server's name in its certificate; the DSN's host by default
)

// parseTLS makes the TLS configuration from the parameters of a MySQL DSN whose server is host; nil is no TLS. It
// refuses an unknown parameter by name, because whoever has set it relies on it.
func parseTLS(query, host string) (*tls.Config, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the DSN's parameters cannot be read")
	}
	known := []string{paramTLS, paramCA, paramCert, paramKey, paramServer}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch given := values[name]; {
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("the DSN's parameter %q is unknown: %s are known", name, strings.Join(known, ", "))
		case len(given) > 1 || given[0] == "":
			return nil, fmt.Errorf("the DSN's parameter %q must be given once, with a value", name)
		}
	}
	mode := values.Get(paramTLS)
	switch {
	case len(values) == 0, mode == "false" && len(values) == 1:
		return nil, nil
	case mode == "false":
		return nil, errors.New("the DSN says tls=false beside parameters that need TLS")
	case mode != "" && mode != "true" && mode != "skip-verify":
		return nil, fmt.Errorf("the DSN's parameter tls is %q: true, false and skip-verify are known", mode)
	case mode == "skip-verify" && values.Has(paramCA):
		return nil, errors.New("the DSN says tls=skip-verify beside tls-ca, which then would verify nothing: leave out one of them")
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: mode == "skip-verify"}
	if name := values.Get(paramServer); name != "" {
		c.ServerName = name
	}
	if c.RootCAs, err = readAuthorities(values.Get(paramCA)); err != nil {
		return nil, err
	}
	cert, key := values.Get(paramCert), values.Get(paramKey)
	if (cert == "") != (key == "") {
		return nil, errors.New("the DSN must give tls-cert and tls-key together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read tls-cert and tls-key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// readAuthorities reads the file of the authorities' certificates. Without a file it returns nil, which stands for the
// system's.
func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read tls-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read tls-ca: there is no certificate in %s", file)
	}
	return pool, nil
}
