package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// OpenTelemetry drops what it does not understand: of 10.0.0.1:4318 it said "parse url" and sent to localhost, of a certificate
// that was not there it said a line, and of TIMEOUT=10s another. Each is refused, with the variable and what it takes.
func TestCollectorThatIsNotUnderstoodIsRefused(t *testing.T) {
	noCertificate := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noCertificate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(name, value string) error {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", name: value}
		_, err := readTraces(func(name string) string { return env[name] })
		return err
	}
	for _, c := range []struct{ name, value string }{
		{"ENDPOINT", "10.0.0.1:4318"}, {"ENDPOINT", "collector:4318"}, {"ENDPOINT", "http://"}, {"ENDPOINT", "grpc://collector:4317"},
		{"CERTIFICATE", "/no/such/file"}, {"CERTIFICATE", noCertificate},
		{"CLIENT_CERTIFICATE", "/no/such/file"}, {"CLIENT_KEY", "/no/such/file"},
		{"TIMEOUT", "10s"}, {"TIMEOUT", "-1"}, {"TIMEOUT", "0"},
		{"COMPRESSION", "zstd"}, {"HEADERS", "no-value"}, {"HEADERS", "a=b,c=%zz"}, {"INSECURE", "yes"},
	} {
		for _, prefix := range otlpPrefixes() {
			if err := read(prefix+c.name, c.value); err == nil || !strings.Contains(err.Error(), "set "+prefix) {
				t.Errorf("%s%s=%s: %v", prefix, c.name, c.value, err)
			}
		}
	}
	if err := read("OTEL_BSP_MAX_QUEUE_SIZE", "many"); err == nil || !strings.Contains(err.Error(), "set OTEL_BSP_MAX_QUEUE_SIZE") {
		t.Errorf("a queue of many: %v", err)
	}
	for _, c := range []struct{ name, value string }{
		{"ENDPOINT", "https://collector.example/otlp"}, {"ENDPOINT", "http://[::1]:4318"}, {"TIMEOUT", "10000"}, {"COMPRESSION", "gzip"},
		{"COMPRESSION", "none"}, {"HEADERS", "authorization=Bearer%20x, x-team=tickets"}, {"INSECURE", "TRUE"},
		{"ENDPOINT", " http://collector:4318\n"},
	} {
		for _, prefix := range otlpPrefixes() {
			if err := read(prefix+c.name, c.value); err != nil {
				t.Errorf("%s%s=%s: %v", prefix, c.name, c.value, err)
			}
		}
	}
}
