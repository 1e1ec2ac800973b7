package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAdmin(t *testing.T) {
	var broken error
	registry := prometheus.NewPedanticRegistry()
	admin := Admin(AdminOptions{
		Probes: []Probe{
			{"stock database", func(context.Context) error { return nil }},
			{"message queue", func(context.Context) error { return broken }},
		},
		Registry: registry, Log: slog.New(slog.DiscardHandler),
	})
	get := func(path string, status int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s answered %d %s, want %d and %s", path, w.Code, w.Body, status, want)
		}
	}
	get("/livez", 200, `{"status":"ok"}`)
	get("/readyz", 200, `{"status":"ok","checks":{"message queue":"ok","stock database":"ok"}}`)
	broken = errors.New("no nameserver answers")
	get("/livez", 200, `{"status":"ok"}`)
	get("/readyz", 503, `{"status":"unavailable","checks":{"message queue":"no nameserver answers","stock database":"ok"}}`)

	f := newFixture(t, func(o *Options) { o.Metrics = registry })
	f.send(t, buy(t))
	f.send(t, ask{method: "GET", path: "/v1/orders/nothere", token: tokenFor(t, "alice", roleBuyer)})
	for _, path := range []string{"/a", "/b", "/v1/screenings/scr-1/x"} {
		f.send(t, ask{method: "GET", path: path})
	}
	f.send(t, ask{method: "BREW", path: "/v1/orders/" + orderID})
	get("/metrics", 200, `boxoffice_http_request_seconds_count{method="POST",route="/v1/screenings/:id/orders",status="202"} 1`)
	get("/metrics", 200, `boxoffice_http_request_seconds_count{method="GET",route="/v1/orders/:id",status="404"} 1`)
	get("/metrics", 200, `boxoffice_http_request_seconds_count{method="other",route="unmatched",status="404"} 3`)
	get("/metrics", 200, `boxoffice_http_request_seconds_count{method="other",route="unmatched",status="405"} 1`)
}

// A probe that hangs must not make the process look alive and unwilling: it is cut off.
func TestProbeIsCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	state := probeAll(ctx, []Probe{{"hangs", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}})
	if state.Status != "unavailable" || state.Checks["hangs"] != context.Canceled.Error() {
		t.Errorf("%+v", state)
	}
}

func TestServerHasNoEndlessWait(t *testing.T) {
	s := NewServer(nil)
	for name, wait := range map[string]time.Duration{
		"header": s.ReadHeaderTimeout, "read": s.ReadTimeout, "write": s.WriteTimeout, "idle": s.IdleTimeout,
	} {
		if wait <= 0 || wait > time.Minute {
			t.Errorf("%s timeout is %s", name, wait)
		}
	}
	if s.MaxHeaderBytes != 16<<10 {
		t.Errorf("headers may have %d bytes", s.MaxHeaderBytes)
	}
}
