package outage_test

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/common/outage"
)

func TestOneLineWhenAnOutageBeginsAndOneWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := outage.New(slog.New(slog.NewTextHandler(&log, nil)), "stock database", 1)
		o.Observe(nil)
		for range 90 {
			if !o.Observe(errors.New("connection refused")) {
				t.Error("it is not away")
			}
			time.Sleep(time.Second)
		}
		for range 2 {
			o.Observe(nil)
		}
		o.Observe(errors.New("again"))
		want := `^time=\S+ level=WARN msg="outage begins" of="stock database" error="connection refused"
time=\S+ level=INFO msg="outage ends" of="stock database" lasted=1m30s
time=\S+ level=WARN msg="outage begins" of="stock database" error=again
$`
		if !regexp.MustCompile(want).MatchString(log.String()) {
			t.Errorf("logged:\n%s", log.String())
		}
	})
}

func TestAFailureAmongSuccessesIsNoOutage(t *testing.T) {
	var log bytes.Buffer
	o := outage.New(slog.New(slog.NewTextHandler(&log, nil)), "payment provider", 3)
	for range 10 {
		for range 2 {
			if o.Observe(errors.New("timeout")) {
				t.Error("two failures are an outage")
			}
		}
		o.Observe(nil)
	}
	if log.Len() > 0 {
		t.Errorf("logged:\n%s", log.String())
	}
	for range 3 {
		o.Observe(errors.New("timeout"))
	}
	if n := bytes.Count(log.Bytes(), []byte("outage begins")); n != 1 {
		t.Errorf("three failures one after the other are %d outages", n)
	}
}
