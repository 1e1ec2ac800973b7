package commitlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// writeBatches writes each record as a batch of its own.
func writeBatches(t *testing.T, o Options, records int) []record {
	t.Helper()
	l, written := reopen(t, o)
	for i := range records {
		payload := fmt.Sprintf("number %d", i) + string(make([]byte, i%50))
		offset, end := mustAppend(t, l, payload)
		mustWait(t, l, end)
		written = append(written, record{offset, payload})
	}
	mustClose(t, l)
	return written
}

// crash takes a close back: what is noted is what was so when the log was opened
// at that offset.
func crash(t *testing.T, o Options, opened int64) {
	t.Helper()
	l := &Log{options: o, noted: -1, end: opened}
	l.noteDurable()
	if l.noted != opened {
		t.Fatalf("%s could not be written", l.notedFile())
	}
}

// One flipped bit in the newest segment was taken for a torn tail, and 899 of
// 1,000 durable records went without a word. What a later batch stands behind
// was durable: the log does not open, says where, and is left as it is. After a
// close that is so for the last batch as well.
func TestDamageIsNotTakenForATornTail(t *testing.T) {
	for name, closed := range map[string]bool{"after a close": true, "after a crash": false} {
		t.Run(name, func(t *testing.T) { wantDamage(t, closed) })
	}
}

func wantDamage(t *testing.T, closed bool) {
	const records, flips = 60, 400
	o := Options{Dir: t.TempDir()}
	written := writeBatches(t, o, records)
	if !closed {
		crash(t, o, 0)
	}
	whole, err := os.ReadFile(segmentName(o.Dir, 0))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 5))
	for range flips {
		damaged := random.IntN(records)
		start := written[damaged].offset
		bit := start*8 + random.Int64N((written[damaged].end()-start)*8)
		flipBit(t, segmentName(o.Dir, 0), bit)
		var replayed []record
		l, err := Open(o, collect(&replayed))
		if fmt.Sprint(replayed) != fmt.Sprint(written[:damaged]) {
			t.Fatalf("bit %d: replayed %d records, want %d", bit, len(replayed), damaged)
		}
		torn := damaged == records-1 && !closed
		if torn {
			// Nothing was written after it: it may be what a crash tore.
			if err != nil || l.TornBytes() == 0 {
				t.Fatalf("bit %d of the last record: %v", bit, err)
			}
			mustClose(t, l)
			crash(t, o, 0)
		} else {
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Offset != start || corrupt.File != segmentName(o.Dir, 0) ||
				corrupt.Behind != int64(len(whole))-start {
				t.Fatalf("bit %d of record %d at %d: %+v", bit, damaged, start, err)
			}
		}
		if now, err := os.ReadFile(segmentName(o.Dir, 0)); !torn && (err != nil || len(now) != len(whole)) {
			t.Fatalf("the damaged file was changed: %d bytes of %d, %v", len(now), len(whole), err)
		}
		if err := os.WriteFile(segmentName(o.Dir, 0), whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A crash of the machine writes the sectors of the last batch in any order, so
// that whole records may stand behind a torn one. Nobody was told of them.
func TestTornBatchIsCutAlthoughRecordsStandBehind(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	written := writeBatches(t, o, 5)
	gate := newGate()
	o.OpenFile = gate.openFile
	l, _ := reopen(t, o)
	_, end := mustAppend(t, l, "a batch of its own")
	awaitBegun(t, gate)
	torn, _ := mustAppend(t, l, "torn")
	for i := range 20 {
		mustAppend(t, l, fmt.Sprint("of the same batch, number ", i))
	}
	gate.open()
	mustWait(t, l, end)
	mustClose(t, l)
	crash(t, o, written[len(written)-1].end())
	flipBit(t, segmentName(o.Dir, 0), (torn+recordHeaderBytes)*8)
	l, replayed := reopen(t, Options{Dir: o.Dir})
	if len(replayed) != len(written)+1 || l.TornBytes() == 0 || l.End() != torn {
		t.Errorf("%d records, torn %d, end %d", len(replayed), l.TornBytes(), l.End())
	}
}

// A person may decide to go on with what is whole.
func TestCutDamage(t *testing.T) {
	for name, o := range map[string]Options{"newest segment": {}, "older segment": {SegmentBytes: 300}} {
		t.Run(name, func(t *testing.T) {
			o.Dir = t.TempDir()
			written := writeBatches(t, o, 40)
			segments, err := filepath.Glob(filepath.Join(o.Dir, "0*"))
			if err != nil {
				t.Fatal(err)
			}
			size := written[len(written)-1].end()
			victim := written[10]
			name := segments[0]
			for _, s := range segments {
				if firstOf(t, s) <= victim.offset {
					name = s
				}
			}
			flipBit(t, name, (victim.offset-firstOf(t, name)+recordHeaderBytes)*8)
			var corrupt *CorruptError
			if _, err := Open(o, nil); !errors.As(err, &corrupt) || corrupt.Offset != victim.offset || corrupt.Behind == 0 {
				t.Fatalf("without the option: %v", err)
			}
			o.CutDamage = true
			l, replayed := reopen(t, o)
			if fmt.Sprint(replayed) != fmt.Sprint(written[:10]) || l.TornBytes() != size-victim.offset {
				t.Errorf("replayed %d records, cut %d of %d bytes", len(replayed), l.TornBytes(), size-victim.offset)
			}
			offset, end := mustAppend(t, l, "next")
			mustWait(t, l, end)
			mustClose(t, l)
			o.CutDamage = false
			if _, replayed := reopen(t, o); offset != victim.offset || len(replayed) != 11 {
				t.Errorf("%d records after going on at %d", len(replayed), offset)
			}
		})
	}
}

// The bytes of a mark inside a message pass for none: it would name another
// offset.
func TestMarkInsideAPayloadIsNone(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	l := newLog(t, o)
	forged := append(make([]byte, recordHeaderBytes), "forged"...)
	sealRecord(forged, 1000, true)
	_, end := mustAppend(t, l, "before")
	mustWait(t, l, end)
	offset, _ := mustAppend(t, l, "torn "+string(forged))
	mustClose(t, l)
	crash(t, o, 0)
	flipBit(t, segmentName(o.Dir, 0), (offset+recordHeaderBytes)*8)
	l, replayed := reopen(t, o)
	if len(replayed) != 1 || l.TornBytes() == 0 {
		t.Errorf("%d records, torn %d", len(replayed), l.TornBytes())
	}
}

// writeOld writes a log of before the marks and the notes.
func writeOld(t *testing.T, o Options, tail string, payloads ...string) (size int64) {
	t.Helper()
	l := newLog(t, o)
	mustClose(t, l)
	var old []byte
	for _, payload := range payloads {
		record := append(make([]byte, recordHeaderBytes), payload...)
		sealRecord(record, 0, false)
		old = append(old, record...)
	}
	if err := os.WriteFile(segmentName(o.Dir, 0), append(old, tail...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.notedFile()); err != nil {
		t.Fatal(err)
	}
	return int64(len(old))
}

// Logs of before the marks are read as ever.
func TestLogWithoutMarksIsRead(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	size := writeOld(t, o, "torn", "old 0", "old 1", "old 2")
	l, replayed := reopen(t, o)
	if len(replayed) != 3 || l.TornBytes() != 4 || l.End() != size {
		t.Errorf("replayed %v, torn %d", replayed, l.TornBytes())
	}
}

// At the first start after an upgrade a flipped bit cut off all that a log of
// before the marks had behind it: nothing marked stood there.
func TestDamageInALogWithoutMarksIsNoTornTail(t *testing.T) {
	for damaged := range 3 {
		o := Options{Dir: t.TempDir()}
		size := writeOld(t, o, "", "old 0", "old 1", "old 2")
		start := int64(damaged) * size / 3
		flipBit(t, segmentName(o.Dir, 0), (start+recordHeaderBytes)*8)
		l, err := Open(o, nil)
		if damaged == 2 { // nothing stands behind it
			if err != nil || l.TornBytes() != size/3 {
				t.Errorf("the last record: %v", err)
			}
			mustClose(t, l)
			continue
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Offset != start || corrupt.Behind != size-start {
			t.Errorf("record %d: %v, want damage at %d", damaged, err, start)
		}
		o.CutDamage = true
		l, replayed := reopen(t, o)
		mustClose(t, l)
		if o.CutDamage = false; len(replayed) != damaged {
			t.Errorf("%d records before the damage, want %d", len(replayed), damaged)
		}
		reopen(t, o)
	}
}

// A file that has lost its end between two runs was whole: it had been closed.
func TestMissingEndAfterACloseIsDamage(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	written := writeBatches(t, o, 10)
	last := written[9]
	if err := os.Truncate(segmentName(o.Dir, 0), last.offset); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Open(o, nil); !errors.As(err, &corrupt) || corrupt.Offset != last.offset || corrupt.Behind != last.end()-last.offset {
		t.Fatalf("without its last record: %v", err)
	}
	o.CutDamage = true
	l, replayed := reopen(t, o)
	if len(replayed) != 9 {
		t.Errorf("%d records, want 9", len(replayed))
	}
	mustClose(t, l)
	o.CutDamage = false
	l, _ = reopen(t, o)
	mustClose(t, l)
	// A note that is not whole counted as none, and what stood at the end was cut off as torn.
	for _, note := range []string{"", "00000000000000999999 00000000\n", "\x00\x00"} {
		if err := os.WriteFile(l.notedFile(), []byte(note), 0o600); err != nil {
			t.Fatal(err)
		}
		var garbled *NoteError
		if _, err := Open(o, nil); !errors.As(err, &garbled) || garbled.File != l.notedFile() {
			t.Errorf("a note of %q: %v", note, err)
		}
	}
}
