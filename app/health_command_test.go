//go:build !race

package app

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"boxoffice/app/settings"
	"boxoffice/broker"
)

// health runs boxoffice health against an address, and returns what it prints and its error in one line.
func health(t *testing.T, listen string, args ...string) (printed, failed string) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), nil, settings.Invocation{
		Args: append([]string{"health"}, args...), Stdout: &out,
		Getenv: func(name string) string { return map[string]string{"BOXOFFICE_ADMIN_LISTEN": listen}[name] },
	})
	if err != nil {
		failed = err.Error()
	}
	if strings.Count(out.String()+failed, "\n") > 1 {
		t.Errorf("more than one line: %q, %q", out.String(), failed)
	}
	return out.String(), failed
}

func TestHealthOfARunningOffice(t *testing.T) {
	o := newOffice(t)
	address := strings.TrimPrefix(o.admin, "http://")
	if printed, failed := health(t, address); printed != "ready\n" || failed != "" {
		t.Errorf("a ready office: %q, %q", printed, failed)
	}
	_, port, _ := strings.Cut(address, ":")
	if printed, failed := health(t, "0.0.0.0:"+port, "-live"); printed != "alive\n" || failed != "" {
		t.Errorf("an office that listens on all addresses: %q, %q", printed, failed)
	}
	heal := o.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Drop })
	defer heal()
	o.eventually("health that fails", func() bool {
		_, failed := health(t, address)
		return strings.HasPrefix(failed, "unavailable: message queue: ")
	})
	if printed, failed := health(t, address, "-live"); printed != "alive\n" || failed != "" {
		t.Errorf("an office without a queue: %q, %q", printed, failed)
	}
	o.stop()
	if _, failed := health(t, address); !strings.Contains(failed, "no office answers") {
		t.Errorf("a stopped office: %q", failed)
	}
}

func TestHealthOfSomethingElse(t *testing.T) {
	other := httptest.NewServer(nil)
	defer other.Close()
	if _, failed := health(t, other.Listener.Addr().String()); !strings.Contains(failed, "is no office") {
		t.Errorf("another server: %q", failed)
	}
	for _, listen := range []string{"nonsense", "127.0.0.1:0"} {
		if _, failed := health(t, listen); !strings.Contains(failed, "BOXOFFICE_ADMIN_LISTEN") {
			t.Errorf("%s: %q", listen, failed)
		}
	}
}
