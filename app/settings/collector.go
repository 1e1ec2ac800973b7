package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// otlpPrefixes begin the variables of a collector: those of all signals, and those of traces, which go before them.
func otlpPrefixes() []string { return []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} }

// checkCollector refuses the values of a collector that OpenTelemetry would drop, with a line in the log at most: it would then
// send to localhost, without encryption, or for ever.
func checkCollector(getenv func(string) string) error {
	for _, prefix := range otlpPrefixes() {
		for _, setting := range []struct {
			name, want string
			isRight    func(string) bool
		}{
			{"ENDPOINT", "the collector's http or https URL, such as http://collector:4318", isCollectorURL},
			{"CERTIFICATE", "a file with certificates in PEM that this process can read", hasCertificates},
			{"HEADERS", "name=value pairs with commas between", areHeaders},
			{"COMPRESSION", "gzip or none", func(v string) bool { return v == "gzip" || v == "none" }},
			{"TIMEOUT", "a number of milliseconds, such as 10000", isCount},
			{"INSECURE", "true or false", func(v string) bool { return strings.EqualFold(v, "true") || strings.EqualFold(v, "false") }},
		} {
			if value := strings.TrimSpace(getenv(prefix + setting.name)); value != "" && !setting.isRight(value) {
				return errors.New("set " + prefix + setting.name + " to " + setting.want)
			}
		}
		certificate, key := strings.TrimSpace(getenv(prefix+"CLIENT_CERTIFICATE")), strings.TrimSpace(getenv(prefix+"CLIENT_KEY"))
		if certificate == "" && key == "" {
			continue
		}
		if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
			return fmt.Errorf("set %sCLIENT_CERTIFICATE and %sCLIENT_KEY to the files of a certificate and its key: %w", prefix, prefix, err)
		}
	}
	for _, name := range []string{"SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"} {
		if value := getenv("OTEL_BSP_" + name); value != "" && !isCount(value) {
			return errors.New("set OTEL_BSP_" + name + " to a whole number above 0")
		}
	}
	return nil
}

// isCollectorURL tells whether spans can be sent to a URL. "collector:4318" is none: what is before the colon is its scheme.
func isCollectorURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func hasCertificates(path string) bool {
	pem, err := os.ReadFile(path)
	return err == nil && x509.NewCertPool().AppendCertsFromPEM(pem)
}

func areHeaders(text string) bool {
	for pair := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if _, err := url.PathUnescape(value); !found || err != nil || name == "" || strings.ContainsAny(name, " \t") {
			return false
		}
	}
	return true
}

func isCount(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0
}
