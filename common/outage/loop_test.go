package outage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Loops logged a line of their own at the begin of an outage, and some again whenever they had found nothing to do meanwhile.
func TestLoopLeavesOutagesToWhoeverTellsOfThem(t *testing.T) {
	var log bytes.Buffer
	away := errors.New("the database is away")
	l := NewLoop(slog.New(slog.NewTextHandler(&log, nil)), "end orders", away)
	l.Observe(t.Context(), fmt.Errorf("end orders: %w", away))
	if log.Len() > 0 {
		t.Errorf("of an outage it says %s", &log)
	}
	for _, err := range []error{errors.New("a defect"), errors.New("a defect"), away, errors.New("a defect"), nil, errors.New("another")} {
		l.Observe(t.Context(), err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	l.Observe(ended, nil)
	l.Observe(ended, context.Canceled)
	if text := log.String(); strings.Count(text, "end orders") != 2 || !strings.Contains(text, "a defect") || !strings.Contains(text, "another") {
		t.Errorf("of two stretches of errors it says %s", text)
	}
}
