package store

import (
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/remoting"
)

// FuzzReplay starts a store on a log whose two records are whole and hold anything. It starts and can be used, or says that
// a record is none.
func FuzzReplay(f *testing.F) {
	for _, topic := range []string{"tickets", HalfTopic, ScheduleTopic} {
		m := remoting.Message{Topic: topic, QueueID: 1, QueueOffset: 3, Body: []byte("body"), Properties: "TAGS\x01t\x02DELAY\x013\x02",
			BornHost: netip.MustParseAddrPort("127.0.0.1:1"), StoreHost: netip.MustParseAddrPort("127.0.0.1:2")}
		raw := remoting.AppendMessage(nil, &m)
		f.Add(append(recordHead(nil, cause{kind: recordMessage}), raw...), recordCheck(nil, 0, 5, 2))
		f.Add(append(recordHead(nil, cause{kind: recordDelivered, source: 0, level: 2}), raw...), recordRollback(nil, 0, 1))
		f.Add(append(recordHead(nil, cause{kind: recordFinished, source: 9}), raw...), []byte{})
		m.QueueID, m.QueueOffset = -1, math.MaxInt64
		f.Add(append(recordHead(nil, cause{kind: recordMessage}), remoting.AppendMessage(nil, &m)...), []byte{recordRolledBack})
		m.QueueID = 0
		raw = remoting.AppendMessage(nil, &m)
		f.Add(append(recordHead(nil, cause{kind: recordMessage}), raw...), append(recordHead(nil, cause{kind: recordDelivered}), raw...))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := t.TempDir()
		writeRecords(t, filepath.Join(dir, "log"), first, second)
		s, err := Open(Options{
			Dir: dir, NoSync: true, DelayLevels: []time.Duration{time.Second, time.Minute}, Host: netip.MustParseAddrPort("127.0.0.1:10911"),
			Now: func() time.Time { return time.UnixMilli(1_795_000_000_000) }, Log: slog.New(slog.DiscardHandler), Arrived: func(*Queue) {},
		})
		if err != nil {
			if !errors.Is(err, errRecord) && !errors.Is(err, remoting.ErrMalformedMessage) {
				t.Fatal(err)
			}
			return
		}
		useStore(t, s, first, second)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func writeRecords(t *testing.T, dir string, records ...[]byte) {
	t.Helper()
	l, err := commitlog.Open(commitlog.Options{Dir: dir, NoSync: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		if _, _, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, record...) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// useStore reads what the records say, delivers what is due, and stores another message.
func useStore(t *testing.T, s *Store, records ...[]byte) {
	t.Helper()
	for _, raw := range records {
		r, err := parseRecord(raw)
		if err != nil || r.message == nil {
			continue
		}
		m, _, err := remoting.DecodeMessage(r.message)
		if err != nil {
			t.Fatalf("a store that has started does not know its message: %v", err)
		}
		q := s.Topics.Queue(m.Topic, m.QueueID)
		if q == nil {
			t.Fatalf("queue %d of topic %q is not there", m.QueueID, m.Topic)
		}
		lowest, end := q.Bounds()
		for _, entry := range q.Window(nil, lowest, int(min(end-lowest, 4))) {
			if _, err := s.Load(entry.Offset); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		s.Put(&m, func(_ Stored, err error) { done <- err })
		if err := <-done; err != nil && !errors.Is(err, ErrOversize) {
			t.Fatal(err)
		}
	}
	for _, half := range s.Halves.Due(s.opt.nowMs, 0) {
		if _, err := s.Load(half.Offset); err != nil && !Unreadable(err) {
			t.Fatal(err)
		}
	}
	if err := s.DeliverDue(); err != nil {
		t.Fatal(err)
	}
}
