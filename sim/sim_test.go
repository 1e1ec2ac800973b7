//go:build !race

package main

import (
	"bytes"
	"testing"
	"time"

	"boxoffice/sim/office"
)

// newPlayer returns what plays histories on a stage of the test.
func newPlayer(t *testing.T) player {
	t.Helper()
	stage, err := office.NewStage(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.Close(); err != nil {
			t.Error(err)
		}
	})
	return stage.Play
}

// A day with everything that goes wrong in it leaves no ticket sold twice, no money without an order, and nothing undone.
func TestHistoriesKeepEveryPromise(t *testing.T) {
	play := newPlayer(t)
	sum := newReport()
	began := time.Now()
	for seed := uint64(1); seed <= 8; seed++ {
		opts := office.Options{Seed: seed, Hours: 24}
		result, err := play(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		sum.add(result)
		if result.Violation != "" {
			t.Errorf("%s\n%s", result.Violation, commandOf(opts))
		}
	}
	var text bytes.Buffer
	sum.print(&text, time.Since(began))
	t.Log(text.String())
	if sum.orders == 0 || sum.paid == 0 || len(sum.faults) < 16 {
		t.Error("there is too little in these histories for them to say anything")
	}
}

// A history that cannot be played again teaches nothing.
func TestTheSameSeedIsTheSameHistory(t *testing.T) {
	play := newPlayer(t)
	opts := office.Options{Seed: 42, Hours: 8}
	var traces [2]bytes.Buffer
	for i := range traces {
		opts.Trace = &traces[i]
		if _, err := play(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
	}
	first, second := bytes.Split(traces[0].Bytes(), []byte("\n")), bytes.Split(traces[1].Bytes(), []byte("\n"))
	for i := range min(len(first), len(second)) {
		if !bytes.Equal(first[i], second[i]) {
			t.Fatalf("line %d is %q and then %q", i+1, first[i], second[i])
		}
	}
	if len(first) != len(second) {
		t.Errorf("%d lines and then %d", len(first), len(second))
	}
	opts.Seed++
	one, err := play(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Seed++
	if other, err := play(t.Context(), opts); err != nil || other.Hash == one.Hash {
		t.Errorf("another seed is the same history: %v", err)
	}
}
