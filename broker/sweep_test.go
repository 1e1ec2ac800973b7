package broker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// usualDamages is how many damages TestDamageAnywhere tries; BOXOFFICE_TEST_FLIPS says another number, and
// BOXOFFICE_TEST_SEED, 1 without it, which.
const usualDamages = 40

// acknowledged is a message that the broker has said it has, and where it is in the log.
type acknowledged struct {
	offset int64
	body   string
}

// sweptBroker leaves the directories of a broker with acknowledged messages: as a kill leaves it, and closed.
func sweptBroker(t *testing.T) (sent []acknowledged, killed, closed string) {
	t.Helper()
	closed = t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(closed), broker.WithSegmentBytes(4096))
	newTopic(t, b, "bulk", 1)
	w := newWire(t, b)
	for i := range 60 {
		body := fmt.Sprintf("message-%03d-%s", i, strings.Repeat("x", i*7%200))
		answer := w.mustAsk(remoting.SendMessage, sendExt("bulk", nil), []byte(body))
		_, offset, err := remoting.ParseMessageID(answer.Ext["msgId"])
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, acknowledged{offset, body})
	}
	killed = crash(t, closed)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return sent, killed, closed
}

// damageAny cuts a segment of a broker's log, or flips a bit of it, and returns what it did and the offset.
func damageAny(t *testing.T, random *rand.Rand, dir string) (what string, at int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "0*"))
	if err != nil || len(names) < 3 {
		t.Fatalf("segments %v, %v", names, err)
	}
	name := names[random.IntN(len(names))]
	atTheEnd := random.IntN(4) == 0 // where a crash may have torn it
	if atTheEnd {
		name = names[len(names)-1]
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first, err := strconv.ParseInt(filepath.Base(name), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	place := random.IntN(len(content))
	if atTheEnd {
		place = len(content) - 1 - random.IntN(min(len(content), 250))
	}
	what = fmt.Sprintf("a bit flipped at %d", first+int64(place))
	if random.IntN(2) == 0 {
		what = fmt.Sprintf("%s cut at %d", filepath.Base(name), first+int64(place))
		content = content[:place]
	} else {
		content[place] ^= 1 << random.IntN(8)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return what, first + int64(place)
}

// A broker whose log is damaged anywhere has every acknowledged message that stands before the damage, or does not start, in
// words; and when it is told to give up what is damaged, it has them then. It never has a message that was not sent.
func TestDamageAnywhere(t *testing.T) {
	seed, tries := numberFrom(t, "BOXOFFICE_TEST_SEED", 1), numberFrom(t, "BOXOFFICE_TEST_FLIPS", usualDamages)
	t.Logf("BOXOFFICE_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), uint64(seed)))
	sent, killed, closed := sweptBroker(t)
	outcomes := map[bool]int{}
	for range tries {
		wasClosed := random.IntN(2) == 0
		from := killed
		if wasClosed {
			from = closed
		}
		dir := crash(t, from)
		what, at := damageAny(t, random, dir)
		b, err := broker.New(broker.WithDataDir(dir), broker.WithSegmentBytes(4096))
		outcomes[err == nil]++
		if wasClosed && err == nil {
			t.Fatalf("%s, and a log that was closed whole passes for one that a crash has torn", what)
		}
		if err != nil {
			var damaged *broker.DamageError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), damaged.File) || damaged.Bytes < 1 {
				t.Fatalf("%s: %v", what, err)
			}
			if b, err = broker.New(broker.WithDataDir(dir), broker.WithSegmentBytes(4096), broker.WithCutDamage(true)); err != nil {
				t.Fatalf("%s, given up: %v", what, err)
			}
		}
		got := bodies(b, "bulk")
		if err := b.Close(); err != nil {
			t.Fatalf("%s: close: %v", what, err)
		}
		wantAcknowledged(t, what, got, sent, at)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d started, %d refused", outcomes[true], outcomes[false])
	if tries >= usualDamages && (outcomes[true] == 0 || outcomes[false] == 0) {
		t.Error("one kind was never tried")
	}
}

// wantAcknowledged holds messages against those that end before an offset, which must be there, and those that were sent.
func wantAcknowledged(t *testing.T, what string, got []string, sent []acknowledged, at int64) {
	t.Helper()
	var all []string
	before := 0
	for i, m := range sent {
		all = append(all, m.body)
		if i > 0 && m.offset <= at {
			before = i // the one before this ends where this one begins
		}
	}
	if len(got) < before || len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
		t.Fatalf("%s: %d messages, want the %d before it: %q", what, len(got), before, got)
	}
}

// numberFrom reads a number from the environment.
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
