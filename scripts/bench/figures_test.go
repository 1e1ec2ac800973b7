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
		{goal{target: 10, bound: atMost}, interval{9, 8, 11}, false},
		{goal{target: 10, bound: atMost}, interval{9, 8, 10}, true},
		{goal{target: 0, bound: atMost}, interval{0, 0, 0}, true},
		{goal{target: 1, bound: equal}, interval{1.1, 1.05, 1.2}, false},
		{goal{target: 1, bound: equal}, interval{1.1, 0.95, 1.2}, true},
	} {
		if c.goal.met(c.ci) != c.met {
			t.Errorf("%+v with %+v: met is not %t", c.goal, c.ci, c.met)
		}
	}
}

func TestAGoalWithoutBothFiguresHasNoRatio(t *testing.T) {
	g := goal{figure: "a", against: "b.p50 ms"}
	if got := g.ratio(figures{"a.orders/s": 6, "b.p50 ms": 2}); got != 3 {
		t.Errorf("6 against 2 is %g", got)
	}
	for _, f := range []figures{{"a.orders/s": 6}, {"b.p50 ms": 2}, {"a.orders/s": 6, "b.p50 ms": 0}} {
		if got := g.ratio(f); !math.IsNaN(got) {
			t.Errorf("%v gave %g", f, got)
		}
	}
}

// A figure was renamed in a measurement, and its goal stood in the report as missed with a ratio of zero.
func TestEveryGoalHasItsMeasurements(t *testing.T) {
	b := &bench{settings: settings{only: groupNames(everyGroup)}}
	var listed []string
	for _, m := range b.measurements() {
		listed = append(listed, m.name)
	}
	slices.Sort(listed)
	if named := slices.Sorted(slices.Values(measurementNames(groupNames(everyGroup)))); !slices.Equal(listed, named) {
		t.Errorf("the goals name %q, and there are %q", named, listed)
	}
}

func TestARunMeasuresWhatItsGoalsNeed(t *testing.T) {
	for only, want := range map[string][]string{
		"redis":           {"ours", "redis everysec", "redis always"},
		"latency":         {"ours alone", "tuned alone"},
		"ours HTTP":       {"ours HTTP"},
		"counts,noop":     {"noop", "counts"},
		"soldout,latency": {"sold out HTTP", "echo HTTP", "sold out", "ours alone", "tuned alone"},
	} {
		b := &bench{settings: settings{only: strings.Split(only, ",")}}
		var got []string
		for _, m := range b.measurements() {
			got = append(got, m.name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s measures %q, want %q", only, got, want)
		}
	}
}

// A group that no goal is in measures nothing, and a goal of a group that is not listed is never measured.
func TestGoalsAreInGroups(t *testing.T) {
	var used []string
	for _, g := range goals() {
		used = append(used, g.group)
	}
	slices.Sort(used)
	if used, listed := slices.Compact(used), slices.Sorted(slices.Values(groupNames(everyGroup))); !slices.Equal(used, listed) {
		t.Errorf("goals are in %q, and the groups are %q", used, listed)
	}
}

// fakeVariant sells at once, and can lose orders.
type fakeVariant struct {
	sold   atomic.Int64
	refuse error
	lost   int64
}

func (f *fakeVariant) buy(context.Context, purchase) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.sold.Add(1)
	return pause(context.Background(), time.Millisecond)
}

func (f *fakeVariant) rows(context.Context) (int64, error) { return f.sold.Load(), nil }

func (f *fakeVariant) verify(_ context.Context, accepted int64) error {
	if accepted != f.sold.Load()-f.lost {
		return errors.New("the rows are wrong")
	}
	return nil
}

func TestTheClosedLoopCountsRowsAndAccountsForTickets(t *testing.T) {
	v := &fakeVariant{}
	got, err := sellInLoop(t.Context(), v, 8, 100*time.Millisecond)
	if err != nil || got.accepted != v.sold.Load() || got.rejected != 0 || got.ordersPerSecond <= 0 || got.ordersPerSecond > 8000 ||
		got.latency.Count() == 0 || got.latency.Count() > got.accepted {
		t.Errorf("%+v, %v with %d sold", got, err, v.sold.Load())
	}
	if _, err := sellInLoop(t.Context(), &fakeVariant{lost: 1}, 2, 50*time.Millisecond); err == nil {
		t.Error("a measurement with a lost order counted")
	}
	if _, err := sellInLoop(t.Context(), &fakeVariant{refuse: io.ErrUnexpectedEOF}, 2, 50*time.Millisecond); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want the buyer's error", err)
	}
	got, err = sellInLoop(t.Context(), &fakeVariant{refuse: errSoldOut}, 2, 50*time.Millisecond)
	if err != nil || got.accepted != 0 || got.rejected == 0 {
		t.Errorf("%+v, %v: a refusal is an answer", got, err)
	}
}

// A run of the two measurements of one goal took half an hour, and its report had no ratio: goals were reported by group.
func TestAGoalIsReportedWhenBothItsMeasurementsRan(t *testing.T) {
	o := &outcome{
		bench:  &bench{settings: settings{only: []string{"rows kept", "rows archived", "rows few"}, seed: 1}},
		rounds: []figures{{"rows kept.orders/s": 10, "rows archived.orders/s": 8, "rows few.orders/s": 9}},
	}
	lines := o.lines()
	if len(lines) != 1 || lines[0].Ratio != 1.25 {
		t.Errorf("%+v, want the one goal of which both sides were measured", lines)
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
		t.Errorf("%v, want the run to fail with a void measurement", err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-only nothing": "no group or measurement", "-rounds 0": "-rounds", "-slot 0s": "-slot", "-slot 2m": "-slot", "surplus": "surplus",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	s, err := parse([]string{"-quick", "-slot", "1s", "-only", "core,tuned alone"}, io.Discard)
	if err != nil || s.rounds != quickRounds || s.duration != time.Second || len(s.only) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}
