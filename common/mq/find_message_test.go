//go:build !race

package mq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

// A message is found by its body among others, with who sent it and when, and only in its time.
func TestFindMessage(t *testing.T) {
	h := newHome(t)
	bus := h.open(t)
	topic, sender, txID := newTopic(t, bus), newSender(t, bus), unique(t)
	began := time.Now()
	for i := range 40 { // more than one read
		if err := mq.Send(t.Context(), sender, topic, "k", order{fmt.Sprint("plain-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	transactor := newTransactor(t, bus, unique(t), func(context.Context, mq.Half) mq.Outcome { return mq.Unknown })
	if _, err := mq.SendHalf(trace.ContextWithSpanContext(t.Context(), span), transactor, topic, txID, order{"half"},
		func(context.Context) mq.Outcome { return mq.Commit }); err != nil {
		t.Fatal(err)
	}
	find := func(id string, from, until time.Time, limit int) (mq.Stored, bool) {
		t.Helper()
		found, exists, err := bus.FindMessage(t.Context(), string(topic), from, until, limit, func(body []byte) bool {
			return bytes.Contains(body, []byte(`"`+id+`"`))
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, exists
	}
	from, until := began.Add(-time.Minute), began.Add(time.Hour)
	var half mq.Stored
	h.eventually(t, "the half message", func() bool {
		var exists bool
		half, exists = find("half", from, until, 1000)
		return exists
	})
	if half.TxID != txID || half.Traces[""] != span.TraceID().String() || half.StoredAt.Before(half.BornAt) ||
		half.BornAt.Sub(began).Abs() > time.Minute || !strings.HasSuffix(half.Sender, fmt.Sprint(", pid ", os.Getpid()&0xffff)) {
		t.Errorf("found %+v", half)
	}
	if plain, exists := find("plain-39", from, until, 1000); !exists || plain.TxID != "" || len(plain.Traces) > 0 || plain.MessageID == "" {
		t.Errorf("found %v %+v", exists, plain)
	}
	for name, c := range map[string]struct {
		id          string
		from, until time.Time
		limit       int
	}{
		"absent": {"nothing", from, until, 1000}, "later": {"half", until, until.Add(time.Hour), 1000},
		"earlier": {"half", from.Add(-time.Hour), from, 1000}, "beyond the limit": {"half", from, until, 1},
	} {
		if found, exists := find(c.id, c.from, c.until, c.limit); exists {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}

func TestFindMessageWithoutABroker(t *testing.T) {
	h := newLoneHome(t)
	bus := h.open(t)
	topic := newTopic(t, bus)
	h.broker.Intercept(broker.GetMaxOffset, func(*broker.Request) broker.Verdict { return broker.Drop })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := bus.FindMessage(ctx, string(topic), time.Now(), time.Now(), 1, func([]byte) bool { return true })
	if !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}
