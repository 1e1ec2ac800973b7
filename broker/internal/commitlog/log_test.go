package commitlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// deadline bounds every wait of a test that a bug could make endless.
const deadline = 20 * time.Second

func waitContext(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	tb.Cleanup(cancel)
	return ctx
}

// record is what a replay or an append saw.
type record struct {
	offset  int64
	payload string
}

func (r record) end() int64 { return r.offset + recordHeaderBytes + int64(len(r.payload)) }

func collect(into *[]record) func(int64, []byte) error {
	return func(offset int64, payload []byte) error {
		*into = append(*into, record{offset, string(payload)})
		return nil
	}
}

func newLog(tb testing.TB, o Options) *Log {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	l, err := Open(o, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

func mustClose(tb testing.TB, l *Log) {
	tb.Helper()
	if err := l.Close(); err != nil {
		tb.Fatalf("Close: %v", err)
	}
}

func mustAppend(tb testing.TB, l *Log, payload string) (offset, end int64) {
	tb.Helper()
	offset, end, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, payload...) })
	if err != nil {
		tb.Fatalf("Append: %v", err)
	}
	return offset, end
}

// wait blocks until everything before end is durable, or ctx is done.
func wait(ctx context.Context, l *Log, end int64) error {
	answer := make(chan error, 1)
	l.OnDurable(end, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// durableEnd is the offset before which everything is durable.
func durableEnd(l *Log) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

func mustWait(tb testing.TB, l *Log, end int64) {
	tb.Helper()
	if err := wait(waitContext(tb), l, end); err != nil {
		tb.Fatalf("Wait: %v", err)
	}
}

// reopen opens the directory again and returns everything that was replayed.
func reopen(tb testing.TB, o Options) (*Log, []record) {
	tb.Helper()
	var replayed []record
	l, err := Open(o, collect(&replayed))
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l, replayed
}

func TestRestartContinuesAtTheRightOffset(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 300}
	var want []record
	for round := range 5 {
		l, replayed := reopen(t, o)
		if fmt.Sprint(replayed) != fmt.Sprint(want) {
			t.Fatalf("round %d replayed %d records, want %d", round, len(replayed), len(want))
		}
		for i := range 20 {
			payload := fmt.Sprintf("round %d record %d", round, i)
			var told int64
			offset, end, err := l.Append(func(dst []byte, offset int64) []byte {
				told = offset
				return append(dst, payload...)
			})
			if err != nil || told != offset || end != offset+int64(len(payload))+recordHeaderBytes {
				t.Fatalf("offset %d, told %d, end %d, %v", offset, told, end, err)
			}
			if n := len(want); n > 0 && offset != want[n-1].offset+int64(len(want[n-1].payload))+recordHeaderBytes {
				t.Fatalf("offset %d does not follow %v", offset, want[n-1])
			}
			want = append(want, record{offset, payload})
		}
		mustClose(t, l)
	}
	l, _ := reopen(t, o)
	if len(l.Segments()) < 5 || l.TornBytes() != 0 || durableEnd(l) != l.End() {
		t.Errorf("%d segments, torn %d, durable %d of %d", len(l.Segments()), l.TornBytes(), durableEnd(l), l.End())
	}
	for _, s := range l.Segments() {
		if s.End-s.First > o.SegmentBytes {
			t.Errorf("segment %d has %d bytes", s.First, s.End-s.First)
		}
		if info, err := os.Stat(segmentName(o.Dir, s.First)); err != nil || info.Size() != s.End-s.First {
			t.Errorf("segment %+v: file %v, %v", s, info, err)
		}
	}
}

func TestReadFindsEveryRecordAndNothingElse(t *testing.T) {
	for _, place := range []string{"memory", "file", "reopened"} {
		t.Run(place, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), SegmentBytes: 40000}
			gate := newGate()
			if place == "memory" {
				o.OpenFile = gate.openFile
			}
			l := newLog(t, o)
			defer gate.open()
			starts := map[int64]string{}
			for i := range 60 {
				payload := string(bytes.Repeat([]byte{byte(i)}, i*i*7%9000))
				offset, _ := mustAppend(t, l, payload)
				starts[offset] = payload
			}
			if place != "memory" {
				mustWait(t, l, l.End())
			} else if durableEnd(l) != 0 {
				t.Fatal("the gate let a sync through")
			}
			if place == "reopened" {
				mustClose(t, l)
				l, _ = reopen(t, o)
			}
			for offset := int64(-1); offset <= l.End()+1; offset++ {
				got, err := l.Read(offset)
				if want, ok := starts[offset]; ok && (err != nil || string(got) != want) {
					t.Fatalf("record at %d: %d bytes, %v", offset, len(got), err)
				} else if !ok && !errors.Is(err, ErrNotFound) {
					t.Fatalf("no record at %d: %d bytes, %v", offset, len(got), err)
				}
			}
		})
	}
}

// A consumer names the offset of the message that it sends back. A producer
// that puts the bytes of a whole record into a message must not get them
// accepted as a stored message.
func TestReadRefusesARecordInsideAPayload(t *testing.T) {
	for _, durable := range []bool{false, true} {
		gate := newGate()
		l := newLog(t, Options{OpenFile: gate.openFile})
		forged := append(make([]byte, recordHeaderBytes), "forged"...)
		sealRecord(forged, 0, false)
		offset, end := mustAppend(t, l, "hello"+string(forged))
		if durable {
			gate.open()
			mustWait(t, l, end)
		}
		if got, err := l.Read(offset + recordHeaderBytes + 5); !errors.Is(err, ErrNotFound) {
			t.Errorf("durable %v: read %q, %v", durable, got, err)
		}
		gate.open()
	}
}

func TestReadReportsDamage(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	offset, end := mustAppend(t, l, "a record")
	mustWait(t, l, end)
	flipBit(t, segmentName(o.Dir, 0), (offset+recordHeaderBytes)*8)
	var corrupt *CorruptError
	if _, err := l.Read(offset); !errors.Is(err, ErrCorrupt) || !errors.As(err, &corrupt) || corrupt.Offset != offset {
		t.Errorf("payload: %v", err)
	}
	flipBit(t, segmentName(o.Dir, 0), 0)
	if _, err := l.Read(offset); !errors.Is(err, ErrCorrupt) {
		t.Errorf("length: %v", err)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	if _, err := Open(o, nil); !errors.Is(err, ErrLocked) {
		t.Fatalf("second Open: %v", err)
	}
	mustClose(t, l)
	again, _ := reopen(t, o)
	mustClose(t, again)
}

func TestRecordLargerThanLimitIsRefused(t *testing.T) {
	l := newLog(t, Options{MaxRecordBytes: 10})
	first, _ := mustAppend(t, l, "0123456789")
	if _, _, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, "0123456789a"...) }); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("11 bytes: %v", err)
	}
	if _, _, err := l.Append(func([]byte, int64) []byte { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("build that drops dst: %v", err)
	}
	second, end := mustAppend(t, l, "")
	if second != first+18 {
		t.Errorf("the refused record took space: %d", second)
	}
	mustWait(t, l, end)
	if got, err := l.Read(second); err != nil || len(got) != 0 {
		t.Errorf("empty record: %q, %v", got, err)
	}
}

// The limit guards appends. A log written under a larger one must not lose its
// records as a torn tail.
func TestSmallerLimitStillReadsOldRecords(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	mustAppend(t, l, string(make([]byte, 100000)))
	mustClose(t, l)
	o.MaxRecordBytes, o.SegmentBytes = 10, 100
	l, replayed := reopen(t, o)
	if len(replayed) != 1 || l.TornBytes() != 0 {
		t.Fatalf("%d records, torn %d", len(replayed), l.TornBytes())
	}
	if _, err := l.Read(0); err != nil {
		t.Error(err)
	}
}

func TestDeleteBefore(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 100}
	l := newLog(t, o)
	var offsets []int64
	for range 20 {
		offset, _ := mustAppend(t, l, string(make([]byte, 42)))
		offsets = append(offsets, offset)
	}
	mustWait(t, l, l.End())
	if n, err := l.DeleteBefore(offsets[5]); n != 2 || err != nil || l.First() != offsets[4] {
		t.Fatalf("deleted %d, first %d, %v", n, l.First(), err)
	}
	if _, err := l.Read(offsets[3]); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted record: %v", err)
	}
	if _, err := l.Read(offsets[4]); err != nil {
		t.Errorf("kept record: %v", err)
	}
	if n, err := l.DeleteBefore(l.End() + 1000); n != 7 || err != nil {
		t.Errorf("deleted %d, %v; the active segment stays", n, err)
	}
	if n, err := l.DeleteBefore(l.End()); n != 0 || err != nil {
		t.Errorf("deleted %d more, %v", n, err)
	}
	mustClose(t, l)
	if _, err := l.DeleteBefore(l.End()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	l, replayed := reopen(t, o)
	if len(replayed) != 2 || replayed[0].offset != offsets[18] || l.First() != offsets[18] {
		t.Errorf("replayed %v, first %d", replayed, l.First())
	}
}

func TestCloseFlushesAndIsIdempotent(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	_, end := mustAppend(t, l, "last words")
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() { mustClose(t, l) })
	}
	closers.Wait()
	if err := wait(waitContext(t), l, end); err != nil {
		t.Errorf("Wait after Close: %v", err)
	}
	if _, _, err := l.Append(func(dst []byte, _ int64) []byte { return dst }); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	if _, err := l.Read(0); !errors.Is(err, ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	called := false
	l.OnDurable(end, func(err error) { called = err == nil })
	if !called {
		t.Error("OnDurable after Close did not answer")
	}
	if _, replayed := reopen(t, o); len(replayed) != 1 {
		t.Errorf("replayed %v", replayed)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, o := range map[string]Options{"no directory": {}, "negative": {Dir: t.TempDir(), SegmentBytes: -1},
		"record": {Dir: t.TempDir(), MaxRecordBytes: 2 << 30}} {
		if l, err := Open(o, nil); err == nil {
			t.Errorf("%s: opened", name)
			mustClose(t, l)
		}
	}
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	mustAppend(t, l, "x")
	mustClose(t, l)
	broken := errors.New("state refuses")
	if _, err := Open(o, func(int64, []byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("replay error: %v", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, replayed := reopen(t, o); len(replayed) != 1 {
		t.Errorf("after a failed Open: %v", replayed)
	}
}

// TestModel runs random operations against a slice of records.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		o := Options{Dir: dir, SegmentBytes: int64(rapid.IntRange(1, 5000).Draw(rt, "segment")), NoSync: true}
		l, err := Open(o, nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		var model []record
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				payload := binary.BigEndian.AppendUint64(make([]byte, rapid.IntRange(0, 3000).Draw(rt, "size")), uint64(len(model)))
				offset, _, err := l.Append(func(dst []byte, _ int64) []byte { return append(dst, payload...) })
				if err != nil {
					rt.Fatal(err)
				}
				model = append(model, record{offset, string(payload)})
			},
			"read": func(rt *rapid.T) {
				if len(model) == 0 {
					return
				}
				want := rapid.SampledFrom(model).Draw(rt, "record")
				got, err := l.Read(want.offset)
				if err != nil || string(got) != want.payload {
					rt.Fatalf("at %d: %d bytes, %v", want.offset, len(got), err)
				}
			},
			"delete": func(rt *rapid.T) {
				if _, err := l.DeleteBefore(rapid.Int64Range(0, l.End()).Draw(rt, "before")); err != nil {
					rt.Fatal(err)
				}
				for len(model) > 0 && model[0].offset < l.First() {
					model = model[1:]
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
				var replayed []record
				if l, err = Open(o, collect(&replayed)); err != nil {
					rt.Fatal(err)
				}
				if len(replayed) != len(model) || (len(model) > 0 && fmt.Sprint(replayed) != fmt.Sprint(model)) {
					rt.Fatalf("replayed %d records, want %d", len(replayed), len(model))
				}
			},
		})
	})
}
