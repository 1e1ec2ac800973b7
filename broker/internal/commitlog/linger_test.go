package commitlog

import (
	"testing"
	"time"
)

func mustAppendSoon(tb testing.TB, l *Log, payload string) (offset, end int64) {
	tb.Helper()
	offset, end, err := l.AppendSoon(func(dst []byte, _ int64) []byte { return append(dst, payload...) })
	if err != nil {
		tb.Fatal(err)
	}
	return offset, end
}

func TestAppendSoonSharesTheNextFsync(t *testing.T) {
	l := newLog(t, Options{Linger: time.Hour})
	before := l.Syncs()
	_, soon := mustAppendSoon(t, l, "soon")
	_, now := mustAppend(t, l, "now")
	mustWait(t, l, now)
	if durableEnd(l) < soon {
		t.Error("the record that was waited for is durable and the one before it is not")
	}
	if n := l.Syncs() - before; n != 1 {
		t.Errorf("%d fsyncs for both", n)
	}
}

func TestAppendSoonDoesNotLingerForEver(t *testing.T) {
	l := newLog(t, Options{Linger: time.Millisecond})
	_, end := mustAppendSoon(t, l, "alone")
	mustWait(t, l, end)
}

func TestCloseMakesDurableWhatLingers(t *testing.T) {
	o := Options{Dir: t.TempDir(), Linger: time.Hour}
	l := newLog(t, o)
	mustAppendSoon(t, l, "last")
	mustClose(t, l)
	if _, records := reopen(t, o); len(records) != 1 || records[0].payload != "last" {
		t.Errorf("the log has %v", records)
	}
}

func TestAppendSoonMakesRoomWhenTheLogIsFull(t *testing.T) {
	l := newLog(t, Options{Linger: time.Hour, MaxUnflushedBytes: 16})
	for range 3 { // the second one finds no room and must not wait for an hour
		mustAppendSoon(t, l, "0123456789")
	}
}

// The timer of a record that another one's fsync had covered came when nothing was pending, and the log took the next
// record for one that is being flushed already.
func TestLateLingerLosesNoAppend(t *testing.T) {
	l := newLog(t, Options{Linger: time.Millisecond})
	for range 3 {
		mustAppendSoon(t, l, "soon")
		_, end := mustAppend(t, l, "now")
		mustWait(t, l, end)
		for lingered := time.Now().Add(5 * time.Millisecond); time.Now().Before(lingered); {
			time.Sleep(time.Millisecond)
		}
	}
}
