package mq

import (
	"strings"
	"testing"
)

func TestInstanceNamesNeverRepeat(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 { // three processes, as far as the names can tell
		i, err := newInstances("stock@%#")
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			name := i.next("send")
			if seen[name] || strings.ContainsAny(name, "@%# ") {
				t.Fatalf("instance name %q repeats or has a character with a meaning", name)
			}
			seen[name] = true
		}
	}
}
