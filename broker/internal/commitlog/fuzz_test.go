package commitlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fuzzedLog is a log of five records in four batches, and where a second segment begins.
func fuzzedLog(f *testing.F) (raw []byte, split int) {
	f.Helper()
	for i, payload := range []string{"", "one", "the two of\x00one batch", "\x80\x00\x00\x01", "last"} {
		record := append(make([]byte, recordHeaderBytes), payload...)
		sealRecord(record, int64(len(raw)), i != 2)
		if i == 3 {
			split = len(raw)
		}
		raw = append(raw, record...)
	}
	return raw, split
}

// FuzzRecovery opens a log of any bytes in any two segments. It opens or is found to be damaged; one that opens says the same
// when it is opened again, gives back each record, and takes another behind them.
func FuzzRecovery(f *testing.F) {
	raw, split := fuzzedLog(f)
	f.Add(raw, uint16(split), int64(0))
	f.Add(raw, uint16(0), int64(len(raw)))
	f.Add(raw[:len(raw)-2], uint16(split), int64(-1))
	f.Add(append(slices.Clone(raw), make([]byte, 40)...), uint16(len(raw)), int64(split))
	damaged := slices.Clone(raw)
	damaged[recordHeaderBytes+9] ^= 4
	f.Add(damaged, uint16(split), int64(0))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}, uint16(0), int64(0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte, split uint16, noted int64) {
		o := writeFuzzed(t, dir, raw, int(split), noted)
		var first []record
		l, err := Open(o, collect(&first))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			o.CutDamage = true
			first = nil
			if l, err = Open(o, collect(&first)); err != nil {
				t.Fatalf("gives up what is damaged: %v", err)
			}
			o.CutDamage = false
		}
		for _, r := range first {
			if got, err := l.Read(r.offset); err != nil || string(got) != r.payload {
				t.Fatalf("read at %d: %q, %v; replayed was %q", r.offset, got, err, r.payload)
			}
		}
		offset, _ := mustAppend(t, l, "next")
		mustClose(t, l)
		var again []record
		l, err = Open(o, collect(&again))
		if err != nil || l.TornBytes() != 0 || !slices.Equal(again, append(first, record{offset, "next"})) {
			t.Fatalf("opened again: %d records after %d, %v", len(again), len(first), err)
		}
		mustClose(t, l)
	})
}

// writeFuzzed writes two segments, or one when the second would begin at 0 or behind the first, and what is noted, if it is
// not negative.
func writeFuzzed(t *testing.T, dir string, raw []byte, split int, noted int64) Options {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(dir, "[0-9D]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Dir: dir, OpenFile: unsyncedOpen}
	contents := map[string][]byte{segmentName(dir, 0): raw}
	if split > 0 && split <= len(raw) {
		contents[segmentName(dir, 0)] = raw[:split]
		contents[segmentName(dir, int64(split))] = raw[split:]
	}
	if noted >= 0 {
		contents[(&Log{options: o}).notedFile()] = []byte(note(noted))
	}
	for name, content := range contents {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// unsyncedFile takes no time to be synced: nothing crashes here.
type unsyncedFile struct{ *os.File }

func (unsyncedFile) Sync() error { return nil }

func unsyncedOpen(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{file}, nil
}
