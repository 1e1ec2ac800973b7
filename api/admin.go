package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probeTimeout bounds the readiness probes: an orchestrator that gets no answer cannot tell a slow process from a dead one.
const probeTimeout = 2 * time.Second

// Probe is one readiness check: what must work for this process to be sent requests.
type Probe struct {
	Name  string // "stock database"
	Check func(context.Context) error
}

// AdminOptions are what Admin makes the operators' routes of.
type AdminOptions struct {
	Probes   []Probe
	Registry prometheus.Gatherer
	Log      *slog.Logger
}

// Admin returns the operators' routes: /livez, /readyz, /metrics and Go's profiles below /debug/pprof/. They belong on a
// listener that the public does not reach.
func Admin(opts AdminOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeReadiness(opts.Log, w, http.StatusOK, readiness{Status: statusOK})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		state := probeAll(r.Context(), opts.Probes)
		status := http.StatusOK
		if state.Status != statusOK {
			status = http.StatusServiceUnavailable
		}
		writeReadiness(opts.Log, w, status, state)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(opts.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// statusOK is the status of what works.
const statusOK = "ok"

// readiness is the answer of /readyz, and without checks that of /livez.
type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"` // by the probe's name: "ok" or the error
}

// probeAll runs all probes concurrently, so that it takes as long as the slowest of them.
func probeAll(ctx context.Context, probes []Probe) readiness {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found := make([]error, len(probes))
	var running sync.WaitGroup
	for i, probe := range probes {
		running.Go(func() { found[i] = probe.Check(ctx) })
	}
	running.Wait()
	state := readiness{Status: statusOK, Checks: make(map[string]string, len(probes))}
	for i, probe := range probes {
		state.Checks[probe.Name] = statusOK
		if found[i] != nil {
			state.Status = "unavailable"
			state.Checks[probe.Name] = found[i].Error()
		}
	}
	return state
}

func writeReadiness(log *slog.Logger, w http.ResponseWriter, status int, state readiness) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(state); err != nil {
		log.Debug("write probe answer", "error", err)
	}
}
