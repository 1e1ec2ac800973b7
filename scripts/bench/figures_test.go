package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/scripts/load/traffic"
)

func TestMedianAndIntervalOfKnownValues(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{4, 1, 3}, 3}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %g, want %g", c.values, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("nothing has a median")
	}
	same := bootstrap([]float64{2, 2, 2, 2}, 1)
	if same != (interval{2, 2, 2}) {
		t.Errorf("four equal rounds give %+v", same)
	}
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 100}
	got := bootstrap(values, 7)
	if got != bootstrap(values, 7) {
		t.Error("the same seed gave two intervals")
	}
	if got.Median != 5.5 || got.Low < 2 || got.Low > 4.5 || got.High < 6.5 || got.High > 54 {
		t.Errorf("%+v: the interval has to be around the median and to ignore the one wild round", got)
	}
}

func TestTheBoundAgainstUsCounts(t *testing.T) {
	for _, c := range []struct {
		goal goal
		ci   interval
		met  bool
	}{
		{goal{target: 10}, interval{12, 9, 15}, false},
		{goal{target: 10}, interval{12, 10, 15}, true},
		{goal{target: 10, atMost: true}, interval{9, 8, 11}, false},
		{goal{target: 10, atMost: true}, interval{9, 8, 10}, true},
		{goal{target: 0, atMost: true}, interval{0, 0, 0}, true},
		{goal{target: 1, same: true}, interval{1.1, 1.05, 1.2}, false},
		{goal{target: 1, same: true}, interval{1.1, 0.95, 1.2}, true},
	} {
		if c.goal.met(c.ci) != c.met {
			t.Errorf("%+v with %+v: met is not %t", c.goal, c.ci, c.met)
		}
	}
}

func TestAGoalWithoutBothFiguresHasNoRatio(t *testing.T) {
	g := goal{over: "a", under: "b"}
	if got := g.ratio(figures{"a": 6, "b": 2}); got != 3 {
		t.Errorf("6 over 2 is %g", got)
	}
	for _, f := range []figures{{"a": 6}, {"b": 2}, {"a": 6, "b": 0}} {
		if got := g.ratio(f); !math.IsNaN(got) {
			t.Errorf("%v gave %g", f, got)
		}
	}
}

// A figure was renamed in a slot, and its goal stood in the report as missed with a ratio of zero.
func TestEveryGoalHasAGroupAndSlots(t *testing.T) {
	slots := new(bench).slots()
	for _, g := range goals() {
		if !slices.Contains(groupNames(), g.group) {
			t.Errorf("%s: no group %s", g.name, g.group)
		}
		for _, figure := range []string{g.over, g.under} {
			name, _, _ := strings.Cut(figure, ".")
			inGroup := func(s slot) bool { return s.name == name && slices.Contains(s.groups, g.group) }
			if figure != "" && !slices.ContainsFunc(slots, inGroup) {
				t.Errorf("%s: no slot %q in group %s", g.name, name, g.group)
			}
		}
	}
	for _, group := range slices.Concat(quickGroups(), embeddedGroups(), stackGroups()) {
		if !slices.Contains(groupNames(), group) {
			t.Errorf("no group %s", group)
		}
	}
}

// fakeShop sells at once, and can lose orders.
type fakeShop struct {
	sold   atomic.Int64
	refuse error
	lost   int64
}

func (f *fakeShop) buy(context.Context, purchase) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.sold.Add(1)
	return pause(context.Background(), time.Millisecond)
}

func (f *fakeShop) rows(context.Context) (int64, error) { return f.sold.Load(), nil }

func (f *fakeShop) rest(_ context.Context, accepted int64) error {
	if accepted != f.sold.Load()-f.lost {
		return errors.New("the books are wrong")
	}
	return nil
}

func (f *fakeShop) close() error { return nil }

func TestSellCountsRowsAndHoldsTheBooks(t *testing.T) {
	shop := &fakeShop{}
	got, err := sell(t.Context(), shop, 8, 100*time.Millisecond)
	if err != nil || got.accepted != shop.sold.Load() || got.rejected != 0 || got.perSecond <= 0 || got.perSecond > 8000 ||
		got.latency.Count() == 0 || got.latency.Count() > got.accepted {
		t.Errorf("%+v, %v with %d sold", got, err, shop.sold.Load())
	}
	if _, err := sell(t.Context(), &fakeShop{lost: 1}, 2, 50*time.Millisecond); err == nil {
		t.Error("a slot with a lost order counted")
	}
	if _, err := sell(t.Context(), &fakeShop{refuse: io.ErrUnexpectedEOF}, 2, 50*time.Millisecond); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want the buyer's error", err)
	}
	got, err = sell(t.Context(), &fakeShop{refuse: errSoldOut}, 2, 50*time.Millisecond)
	if err != nil || got.accepted != 0 || got.rejected == 0 {
		t.Errorf("%+v, %v: a refusal is an answer", got, err)
	}
}

func TestTheReportEndsWithALineOfJSONForEachGoal(t *testing.T) {
	o := &outcome{
		bench:  &bench{settings: settings{only: []string{"core", "counts"}, seed: 1}},
		fsync:  traffic.NewLatency(),
		rounds: []figures{{"ours.orders/s": 80, "naive.orders/s": 2, "ours again.orders/s": 80}, {"ours.orders/s": 90, "naive.orders/s": 2}},
	}
	var out bytes.Buffer
	if err := o.print(&out); err != nil {
		t.Fatal(err)
	}
	var lines []line
	for text := range strings.Lines(out.String()) {
		if strings.HasPrefix(text, "{") {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			lines = append(lines, l)
		}
	}
	want := line{Goal: "full path, against naive", Ratio: 42.5, Low: 40, High: 45, Target: 35, Stretch: 60, Met: true}
	if !slices.Contains(lines, want) || len(lines) != 8 {
		t.Errorf("%d lines, without %+v:\n%s", len(lines), want, out.String())
	}
	o.void = []error{errVoid}
	if err := o.print(io.Discard); !errors.Is(err, errVoid) {
		t.Errorf("%v, want the run to fail with a void slot", err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-only nothing": "no group or slot", "-rounds 0": "-rounds", "-slot 0s": "-slot", "-slot 2m": "-slot", "surplus": "surplus",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	s, err := parse([]string{"-quick", "-slot", "1s", "-only", "core,tuned alone"}, io.Discard)
	if err != nil || s.rounds != quickRounds || s.slot != time.Second || len(s.only) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}
