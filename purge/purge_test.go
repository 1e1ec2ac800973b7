package purge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/order"
)

// fakeRows are rows by screening and order, in pages of two.
type fakeRows struct {
	rows    map[string][]string
	present map[string]order.Order
	err     error
}

func (f *fakeRows) Find(context.Context, ...string) (map[string]order.Order, error) {
	return f.present, f.err
}

func pageAfter(ids []string, after string) []string {
	ids = slices.DeleteFunc(slices.Sorted(slices.Values(ids)), func(id string) bool { return id <= after })
	return ids[:min(len(ids), 2)]
}

func (f *fakeRows) all() Rows {
	return Rows{
		Orders: f,
		Screenings: func(_ context.Context, after string) ([]string, error) {
			var ids []string
			for id := range f.rows {
				ids = append(ids, id)
			}
			return pageAfter(ids, after), nil
		},
		OrdersOf: func(_ context.Context, screeningID, after string) ([]string, error) {
			return pageAfter(f.rows[screeningID], after), nil
		},
		Delete: func(_ context.Context, orderIDs []string) (int64, error) {
			for id, orders := range f.rows {
				f.rows[id] = slices.DeleteFunc(slices.Clone(orders), func(o string) bool { return slices.Contains(orderIDs, o) })
			}
			return int64(len(orderIDs)), nil
		},
	}
}

// However many pages there are, what is gone goes, and nothing else: neither of a screening that is not archived, nor an order
// that the order service still has, also where a whole page is like that.
func TestPurgeGoesOverAllPages(t *testing.T) {
	f := &fakeRows{rows: map[string][]string{}, present: map[string]order.Order{"s2-o0": {}, "s2-o1": {}, "s2-o4": {}}}
	for s := range 5 {
		for o := range 5 {
			f.rows[fmt.Sprint("s", s)] = append(f.rows[fmt.Sprint("s", s)], fmt.Sprintf("s%d-o%d", s, o))
		}
	}
	gone := func(_ context.Context, id string) (bool, error) { return id != "s1", nil }
	if n, err := f.all().Purge(t.Context(), gone); n != 17 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if len(f.rows["s1"]) != 5 || !slices.Equal(f.rows["s2"], []string{"s2-o0", "s2-o1", "s2-o4"}) || len(f.rows["s4"]) != 0 {
		t.Errorf("left %v", f.rows)
	}
	f.err = order.ErrUnavailable
	if n, err := f.all().Purge(t.Context(), gone); n != 0 || !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("without the order service: %d, %v", n, err)
	}
	unknown := func(context.Context, string) (bool, error) { return false, order.ErrUnavailable }
	if n, err := f.all().Purge(t.Context(), unknown); n != 0 || !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("of a screening that nobody knows of: %d, %v", n, err)
	}
}

// One purge after another, until the process stops; one that fails is told of and tried again.
func TestPurgeIsRepeatedUntilItStops(t *testing.T) {
	var out bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	calls := 0
	Every(ctx, time.Nanosecond, time.Nanosecond, slog.New(slog.NewTextHandler(&out, nil)), func(context.Context) (int64, error) {
		calls++
		switch calls {
		case 1:
			return 0, errors.New("the database is away")
		case 2:
			return 7, nil
		case 4:
			stop()
		}
		return 0, nil
	})
	if calls != 4 || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), "away") || !strings.Contains(out.String(), "rows=7") {
		t.Errorf("%d calls, and the log says\n%s", calls, out.String())
	}
}

// The first purge came at the start, before the consumers had read what came while the office was away: the contact of a buyer
// with something to tell in that backlog was forgotten. Now it waits, and a process that stops before has not purged at all.
func TestFirstPurgeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var at []time.Duration
		go Every(ctx, 10*time.Minute, time.Hour, slog.New(slog.DiscardHandler), func(context.Context) (int64, error) {
			at = append(at, time.Since(began))
			return 0, nil
		})
		time.Sleep(2 * time.Hour)
		stop()
		synctest.Wait()
		if want := []time.Duration{10 * time.Minute, 70 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("purged at %v, want %v", at, want)
		}
	})
}
