package stock

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// An id and its text are one to one: a digit more or less, or one of another alphabet, is no id.
func TestIDIsItsText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var id IDBytes
		for i := range id {
			id[i] = byte(random.Uint32())
		}
		text := encodeID(id[:])
		if read, err := ParseID(text); err != nil || read != id {
			t.Fatalf("%x is written %s and read %x, %v", id, text, read, err)
		}
	}
	id := NewID(time.Now())
	for _, text := range []string{
		"", id[1:], id + "0", id[:25] + "w", "+" + id[1:], id[:5] + "_" + id[6:], id[:24] + "\n0", strings.Repeat("\u00e9", 13),
	} {
		if read, err := ParseID(text); err == nil {
			t.Errorf("%q is read as the id %x", text, read)
		}
	}
}
