package commitlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func flipBit(tb testing.TB, name string, bit int64) {
	tb.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], bit/8); err != nil {
		tb.Fatal(err)
	}
	b[0] ^= 1 << (bit % 8)
	if _, err := f.WriteAt(b[:], bit/8); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

func firstOf(tb testing.TB, name string) int64 {
	tb.Helper()
	first, err := strconv.ParseInt(filepath.Base(name), 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return first
}

// writeLog adds to the log in a directory and returns all of its records.
func writeLog(tb testing.TB, o Options, records, size int) []record {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	l, written := reopen(tb, o)
	for i := range records {
		payload := fmt.Sprintf("%d ", i) + string(make([]byte, random.IntN(size)))
		offset, _ := mustAppend(tb, l, payload)
		written = append(written, record{offset, payload})
	}
	mustClose(tb, l)
	return written
}

func isPrefix(got, of []record) bool {
	if len(got) > len(of) {
		return false
	}
	for i := range got {
		if got[i] != of[i] {
			return false
		}
	}
	return true
}

// Cut at every byte of the last segment, the log opens with exactly the records
// that are wholly there, and takes the next one right behind them.
func TestTornAtEveryByte(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 2 << 10, NoSync: true}
	base := len(writeLog(t, o, 10, 680))
	o.SegmentBytes = 1 << 20
	written := writeLog(t, o, 190, 680)
	names, err := filepath.Glob(filepath.Join(o.Dir, "0*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("segments %v, %v", names, err)
	}
	torn := names[len(names)-1]
	last, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	if len(written) != base+190 || len(last) < 64<<10 {
		t.Fatalf("%d records, the last segment has only %d bytes", len(written), len(last))
	}
	first := firstOf(t, torn)
	files := memoryFiles{}
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	o.OpenFile = files.openFile
	whole := 0
	for n := range last {
		for written[whole].end() <= first+int64(n) {
			whole++
		}
		files[torn] = append(files[torn][:0], last[:n]...)
		checkTorn(t, o, files, written[:whole], first+int64(n))
	}
}

func checkTorn(t *testing.T, o Options, files memoryFiles, want []record, size int64) {
	t.Helper()
	replayed := 0
	l, err := Open(o, func(offset int64, payload []byte) error {
		if replayed == len(want) || want[replayed].offset != offset || want[replayed].payload != string(payload) {
			return fmt.Errorf("record %d of %d bytes is not what was written", replayed, len(payload))
		}
		replayed++
		return nil
	})
	if err != nil {
		t.Fatalf("cut at %d: %v", size, err)
	}
	defer mustClose(t, l)
	next := want[len(want)-1].end()
	if replayed != len(want) || l.End() != next || l.TornBytes() != size-next {
		t.Fatalf("cut at %d: %d records, want %d; end %d, want %d; torn %d", size, replayed, len(want), l.End(), next, l.TornBytes())
	}
	// Bytes that are not cut could turn into records behind a later append.
	active := l.Segments()[len(l.Segments())-1]
	if left := int64(len(files[segmentName(o.Dir, active.First)])); left != next-active.First {
		t.Fatalf("cut at %d: file of %d bytes, want %d", size, left, next-active.First)
	}
	if offset, _ := mustAppend(t, l, "next"); offset != next {
		t.Fatalf("cut at %d: next record at %d, want %d", size, offset, next)
	}
}

func copyFile(t *testing.T, name, dir string) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A flipped bit gives a prefix (in the last segment it cannot be told from a
// torn tail) or ErrCorrupt with the record's offset (before it).
func TestBitFlips(t *testing.T) {
	const seed, flips = 7, 2000
	source := Options{Dir: t.TempDir(), SegmentBytes: 4 << 10, NoSync: true}
	written := writeLog(t, source, 40, 600)
	names, err := filepath.Glob(filepath.Join(source.Dir, "0*"))
	if err != nil || len(names) < 3 {
		t.Fatalf("segments %v, %v", names, err)
	}
	random := rand.New(rand.NewPCG(seed, seed))
	o := Options{Dir: t.TempDir(), SegmentBytes: source.SegmentBytes, NoSync: true}
	outcomes := map[bool]int{}
	for range flips {
		for _, name := range names {
			copyFile(t, name, o.Dir)
		}
		victim := random.IntN(len(names))
		info, err := os.Stat(names[victim])
		if err != nil {
			t.Fatal(err)
		}
		bit := random.Int64N(info.Size() * 8)
		flipBit(t, filepath.Join(o.Dir, filepath.Base(names[victim])), bit)
		outcomes[checkFlip(t, o, written, names[victim], bit, victim == len(names)-1)]++
	}
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Errorf("outcomes %v: one kind was never tried", outcomes)
	}
}

func checkFlip(t *testing.T, o Options, written []record, name string, bit int64, lastSegment bool) (opened bool) {
	t.Helper()
	first := firstOf(t, name)
	damaged := 0
	for damaged+1 < len(written) && written[damaged+1].offset <= first+bit/8 {
		damaged++
	}
	var replayed []record
	l, err := Open(o, collect(&replayed))
	if !isPrefix(replayed, written) || len(replayed) != damaged {
		t.Fatalf("bit %d of %s: %d records, want the %d before the damage", bit, name, len(replayed), damaged)
	}
	if err == nil {
		mustClose(t, l)
		if !lastSegment {
			t.Fatalf("bit %d of %s: damage before later segments was cut off", bit, name)
		}
		return true
	}
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !errors.Is(err, ErrCorrupt) || corrupt.Offset != written[damaged].offset || lastSegment {
		t.Fatalf("bit %d of %s: %v, want offset %d", bit, name, err, written[damaged].offset)
	}
	return false
}

func TestTornTailOfZeros(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	written := writeLog(t, o, 10, 100)
	f, err := os.OpenFile(segmentName(o.Dir, 0), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 10000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l, replayed := reopen(t, o)
	if len(replayed) != len(written) || l.TornBytes() != 10000 {
		t.Errorf("%d records, torn %d", len(replayed), l.TornBytes())
	}
}

func TestMissingSegmentIsCorrupt(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 200}
	writeLog(t, o, 20, 100)
	names, err := filepath.Glob(filepath.Join(o.Dir, "0*"))
	if err != nil || len(names) < 4 {
		t.Fatalf("segments %v, %v", names, err)
	}
	if err := os.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Open(o, nil); !errors.As(err, &corrupt) || fmt.Sprintf("%020d", corrupt.Offset) != filepath.Base(names[1]) {
		t.Errorf("got %v, want the end of %s", err, names[0])
	}
}
