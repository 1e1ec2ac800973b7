package traffic_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/scripts/load/traffic"
)

func newConn(t *testing.T, handler http.HandlerFunc) (*traffic.Conn, *url.URL, *atomic.Int64) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	var dialed atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialed.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	shop, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn := traffic.NewConn(shop, 10*time.Second)
	t.Cleanup(conn.Close)
	return conn, shop, &dialed
}

func TestConnSendsWhatNetHTTPReads(t *testing.T) {
	conn, shop, dialed := newConn(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer t" ||
			string(body) != `{"quantity":1}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v %q, %v", r.Method, r.Header, body, err)
		}
		w.Header().Set("Location", r.URL.Path+"/"+r.Header.Get("Idempotency-Key"))
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, r.Header.Get("Idempotency-Key"))
	})
	request := traffic.NewRequest(shop, http.MethodPost, "/x", "Idempotency-Key", `{"quantity":1}`,
		traffic.Header{Name: "Authorization", Value: "Bearer t"})
	for i := range 3 {
		key := fmt.Sprint("k", i)
		answer, err := conn.Do(t.Context(), request.Append(nil, key))
		if err != nil || answer.Status != http.StatusAccepted || answer.Location != "/x/"+key || string(answer.Body) != key {
			t.Errorf("%+v %q, %v", answer, answer.Body, err)
		}
	}
	if dialed.Load() != 1 {
		t.Errorf("%d connections for three requests, want 1", dialed.Load())
	}
}

func TestConnDialsAgainAfterTheServerHungUp(t *testing.T) {
	conn, shop, dialed := newConn(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/close":
			w.Header().Set("Connection", "close")
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/big":
			w.Header().Set("Content-Length", "100000000")
		}
	})
	get := func(path string) (traffic.Answer, error) {
		return conn.Do(t.Context(), traffic.NewRequest(shop, http.MethodGet, path, "", "").Append(nil, ""))
	}
	for _, path := range []string{"/close", "/", "/cut", "/", "/big", "/"} {
		_, err := get(path)
		if failed := err != nil; failed != (path == "/cut" || path == "/big") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if dialed.Load() != 4 {
		t.Errorf("%d connections, want one more after each of three that ended", dialed.Load())
	}
}

func TestConnRefusesWhatItCannotMeasure(t *testing.T) {
	conn, shop, _ := newConn(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<16)) // net/http sends this in chunks
	})
	if answer, err := conn.Do(t.Context(), traffic.NewRequest(shop, http.MethodGet, "/", "", "").Append(nil, "")); err == nil {
		t.Errorf("%+v, want an error for an answer in chunks", answer)
	}
}
