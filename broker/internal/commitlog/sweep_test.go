package commitlog

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// sweptBytes is how much of a log's end is cut and flipped.
const sweptBytes = 256 << 10

// Without more being asked for, a few hundred cuts and flips are tried. BOXOFFICE_TEST_CUTS=262144 cuts at every byte, and
// BOXOFFICE_TEST_FLIPS says how many bits are flipped. BOXOFFICE_TEST_SEED, 1 without it, decides which.
const (
	usualCuts  = 200
	usualFlips = 300
)

func numberFrom(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number from 1", name, text)
	}
	return n
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(numberFrom(t, "BOXOFFICE_TEST_SEED", 1))
	t.Logf("BOXOFFICE_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// sweep is a log that is damaged again and again, and opened each time. Its segments are in memory, their names in a directory.
type sweep struct {
	t       *testing.T
	o       Options
	written []record
	marked  []bool  // the record is the first of its batch
	firsts  []int64 // of the segments
	named   int     // how many segments have a name
	whole   memoryFiles
	files   memoryFiles // what whole has become
	end     int64

	opened, refused int
}

// newSweep writes a log of several segments, in batches of one to five records, each durable before the next one.
func newSweep(t *testing.T, random *rand.Rand) *sweep {
	t.Helper()
	s := &sweep{t: t, o: Options{Dir: t.TempDir(), SegmentBytes: 40 << 10}, files: memoryFiles{}}
	l := newLog(t, s.o)
	for s.end < sweptBytes+s.o.SegmentBytes {
		for range 1 + random.IntN(5) {
			payload := make([]byte, random.IntN(1500))
			for i := range payload {
				payload[i] = byte(random.Uint32())
			}
			offset, end := mustAppend(t, l, string(payload))
			s.written = append(s.written, record{offset, string(payload)})
			s.end = end
		}
		mustWait(t, l, s.end)
	}
	s.whole = memoryFiles{}
	for _, segment := range l.Segments() {
		raw, err := os.ReadFile(segmentName(s.o.Dir, segment.First))
		if err != nil {
			t.Fatal(err)
		}
		s.firsts = append(s.firsts, segment.First)
		s.whole[segmentName(s.o.Dir, segment.First)] = raw
	}
	mustClose(t, l)
	for _, r := range s.written {
		n := s.segmentOf(r.offset)
		s.marked = append(s.marked, isFirst(s.whole[s.name(n)][r.offset-s.firsts[n]:]))
	}
	s.o.OpenFile, s.named = s.files.openFile, len(s.firsts)
	return s
}

func (s *sweep) name(n int) string { return segmentName(s.o.Dir, s.firsts[n]) }

// segmentOf returns the number of the segment that holds an offset.
func (s *sweep) segmentOf(offset int64) int {
	return sort.Search(len(s.firsts), func(i int) bool { return s.firsts[i] > offset }) - 1
}

// before returns how many records lie wholly before an offset.
func (s *sweep) before(offset int64) int {
	return sort.Search(len(s.written), func(i int) bool { return s.written[i].end() > offset })
}

// restore makes the log whole again, as far as its first segments go.
func (s *sweep) restore(segments int) {
	s.t.Helper()
	for ; s.named > segments; s.named-- {
		if err := os.Remove(s.name(s.named - 1)); err != nil {
			s.t.Fatal(err)
		}
	}
	for ; s.named < segments; s.named++ {
		if err := os.WriteFile(s.name(s.named), nil, 0o600); err != nil { // what is in it is in files
			s.t.Fatal(err)
		}
	}
	clear(s.files)
	s.files[s.o.Dir] = nil // which is opened to be synced
	for n := range segments {
		s.files[s.name(n)] = s.whole[s.name(n)]
	}
}

// open opens the log, which was noted to be durable up to an offset, and holds what it replays against the first records.
// It must be refused, in words, with the first of the others named, or go on right behind these.
func (s *sweep) open(what string, noted int64, records int, refuse bool) {
	s.t.Helper()
	if err := os.WriteFile((&Log{options: s.o}).notedFile(), []byte(note(noted)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	before := maps.Clone(s.files)
	next, replayed := s.end, 0
	if records < len(s.written) {
		next = s.written[records].offset
	}
	l, err := Open(s.o, func(offset int64, payload []byte) error {
		if replayed == records || s.written[replayed].offset != offset || s.written[replayed].payload != string(payload) {
			return errors.New("replayed what was not written, or stands behind the damage")
		}
		replayed++
		return nil
	})
	if replayed != records {
		s.t.Fatalf("%s: %d records, want the %d before the damage; %v", what, replayed, records, err)
	}
	if refuse {
		s.refused++
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Offset != next || corrupt.Behind < 1 || !strings.Contains(err.Error(), corrupt.File) {
			s.t.Fatalf("%s: %v, want damage at %d", what, err, next)
		}
		if !maps.EqualFunc(before, s.files, bytes.Equal) {
			s.t.Fatalf("%s: a log that is refused was changed", what)
		}
		return
	}
	s.opened++
	if err != nil || l.End() != next || durableEnd(l) != next {
		s.t.Fatalf("%s: %v, want the log to go on at %d", what, err, next)
	}
	mustClose(s.t, l)
}

// Cut at any byte of its last 256 KiB, a log has all that stands before the cut. What a crash may have torn goes on there; what
// was durable when the log was closed, and what later segments stand behind, is missed.
func TestCutAnywhere(t *testing.T) {
	random := seeded(t)
	s := newSweep(t, random)
	cuts := min(numberFrom(t, "BOXOFFICE_TEST_CUTS", usualCuts), sweptBytes)
	step := int64(sweptBytes / cuts)
	for at := s.end - 1 - random.Int64N(step); at >= s.end-sweptBytes; at -= step {
		n, records := s.segmentOf(at), s.before(at)
		cut := func() { s.files[s.name(n)] = slices.Clone(s.whole[s.name(n)][:at-s.firsts[n]]) }
		what := "cut at " + strconv.FormatInt(at, 10)
		if n+1 < len(s.firsts) {
			s.restore(n + 2)
			cut()
			s.open(what+" before a segment", 0, records, true)
		}
		s.restore(n + 1)
		cut()
		s.open(what+" after a close", s.end, records, true)
		s.open(what+" after a crash", 0, records, false)
	}
	t.Logf("%d opened, %d refused", s.opened, s.refused)
	if s.opened == 0 || s.refused == 0 {
		t.Error("one kind was never tried")
	}
}

// A flipped bit anywhere is found, and costs nothing that stands before it. The log goes on without the rest only where that
// may be what a crash has torn: in the last batch of a log that was not closed.
func TestFlipAnywhere(t *testing.T) {
	random := seeded(t)
	s := newSweep(t, random)
	s.restore(len(s.firsts))
	for range numberFrom(t, "BOXOFFICE_TEST_FLIPS", usualFlips) {
		at, bit := random.Int64N(s.end), random.IntN(8)
		if random.IntN(8) == 0 { // more often where the log may go on
			at = s.end - 1 - random.Int64N(2000)
		}
		n, records := s.segmentOf(at), s.before(at)
		noted := []int64{0, s.end}[random.IntN(2)]
		if isDurable := s.firsts[n] + random.Int64N(at-s.firsts[n]+1); random.IntN(8) == 0 { // opened last with less in it
			noted = s.written[s.before(isDurable)].offset
		}
		durable := noted > s.written[records].offset || n+1 < len(s.firsts) || slices.Contains(s.marked[records+1:], true)
		damaged := slices.Clone(s.whole[s.name(n)])
		damaged[at-s.firsts[n]] ^= 1 << bit
		s.files[s.name(n)] = damaged
		s.open("bit "+strconv.Itoa(bit)+" of byte "+strconv.FormatInt(at, 10)+", durable up to "+strconv.FormatInt(noted, 10),
			noted, records, durable)
		s.files[s.name(n)] = s.whole[s.name(n)]
	}
	t.Logf("%d opened, %d refused", s.opened, s.refused)
	if s.opened == 0 || s.refused == 0 {
		t.Error("one kind was never tried")
	}
}
