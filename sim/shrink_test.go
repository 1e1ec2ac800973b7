//go:build !race

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"boxoffice/common/mq"
	"boxoffice/sim/office"
)

// Whoever is told that seed 7 breaks a promise has thousands of lines to read. Most of them have nothing to do with it.
func TestAHistoryThatBreaksAPromiseIsMadeShorter(t *testing.T) {
	play := newPlayer(t)
	opts := office.Options{Seed: 1, Hours: 2, Planted: office.Seams{Early: mq.Commit}}
	found, err := play(t.Context(), opts)
	if err != nil || found.Violation == "" {
		t.Fatalf("the planted bug was not found: %v", err)
	}
	shorter, shortest, err := shrink(t.Context(), play, opts, found)
	if err != nil {
		t.Fatal(err)
	}
	if len(shortest.Acts) >= len(found.Acts) || len(shortest.Acts) > 3 || shortest.Promise != found.Promise {
		t.Errorf("%d acts of %d are left: %s", len(shortest.Acts), len(found.Acts), shortest.Violation)
	}
	if again, err := play(t.Context(), shorter); err != nil || again.Hash != shortest.Hash {
		t.Errorf("the shortest history is another one when it is played again: %v", err)
	}
	var text bytes.Buffer
	if err := explain(t.Context(), &text, play, opts, found); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), commandOf(shorter)) {
		t.Errorf("told:\n%s", text.String())
	}
}

func TestArguments(t *testing.T) {
	for _, wrong := range [][]string{{"-without", "rain"}, {"-acts", "one"}, {"-nothing"}} {
		if err := run(context.Background(), wrong, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	var text bytes.Buffer
	if err := run(t.Context(), []string{"-seeds", "1", "-hours", "1", "-without", "crash", "-acts", "0,1,2"}, &text); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); !strings.Contains(got, "1 histories") || !strings.Contains(got, "0 violations") || strings.Contains(got, "crash") {
		t.Errorf("printed:\n%s", got)
	}
}
