//go:build !race

package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
)

func (o *officeTest) readiness() (status int, checks map[string]string) {
	o.t.Helper()
	r, err := sendTo(o.admin, "GET", "/readyz", "", "")
	if err != nil {
		o.t.Fatal(err)
	}
	var state struct{ Checks map[string]string }
	if err := json.Unmarshal(r.body, &state); err != nil {
		o.t.Fatalf("%s: %v", r.body, err)
	}
	return r.status, state.Checks
}

// The message queue answered, and stored nothing: each purchase was refused, and the process was ready all the time.
func TestNotReadyWhileNoHalfMessageCanBeStored(t *testing.T) {
	o := newOffice(t)
	if status, checks := o.readiness(); status != http.StatusOK {
		t.Fatalf("readyz: %d %v", status, checks)
	}
	heal := o.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict {
		return broker.Fail(broker.ServiceNotAvailable, "the disk is full")
	})
	o.eventually("the process is not ready", func() bool {
		status, checks := o.readiness()
		return status == http.StatusServiceUnavailable && strings.Contains(checks["message queue"], "disk is full") &&
			checks["stock database"] == "ok"
	})
	if r, err := sendTo(o.admin, "GET", "/livez", "", ""); err != nil || r.status != http.StatusOK {
		t.Errorf("livez: %d, %v", r.status, err)
	}
	heal()
	o.eventually("the process is ready again", func() bool { status, _ := o.readiness(); return status == http.StatusOK })
}

// A process is ready for its own work: one that sells does not need the order database.
func TestReadinessAsksForTheProcessesOwnWork(t *testing.T) {
	for roles, want := range map[string][]string{
		"api":             {"stock database", "message queue"},
		"stock":           {"stock database", "message queue"},
		"order":           {"order database", "message queue"},
		"api,stock,order": {"stock database", "order database", "message queue"},
	} {
		_, checks := newOffice(t, "-roles", roles).readiness()
		for _, name := range want {
			if checks[name] != "ok" {
				t.Errorf("%s: %v, want %q among them", roles, checks, name)
			}
		}
		if len(checks) != len(want)+1 {
			t.Errorf("%s: %v, want only %v", roles, checks, want)
		}
	}
}

// A check that hung kept everybody who asked waiting behind it, one after the other, each for longer than it wanted to wait.
func TestCheckThatHangsHoldsNobodyUp(t *testing.T) {
	hang := make(chan struct{})
	asked := make(chan struct{}, 10)
	check := cacheFor(time.Hour, func(context.Context) error { asked <- struct{}{}; <-hang; return nil })
	first := make(chan error, 1)
	go func() { first <- check(t.Context()) }()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() { second <- check(ctx) }()
	cancel()
	select {
	case err := <-second:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("whoever does not wait any more is told %v", err)
		}
	case <-time.After(testDeadline):
		t.Error("whoever does not wait any more is held up")
	}
	third := make(chan error, 1)
	go func() { third <- check(t.Context()) }()
	close(hang)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-third; err != nil || len(asked) > 0 {
		t.Errorf("asked %d times more, %v, want the first one's answer", len(asked), err)
	}
}

// Somebody who asked and went away left "context canceled" as the answer for all who asked in the next second.
func TestCheckThatWasCutOffIsAskedAgain(t *testing.T) {
	check := cacheFor(time.Hour, func(ctx context.Context) error { return ctx.Err() })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := check(gone); err == nil {
		t.Error("a check that was cut off is content")
	}
	if err := check(t.Context()); err != nil {
		t.Errorf("the next one is told %v", err)
	}
}
