package live

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/stock"
)

// A crowd is told of one change at once, and of many at a bounded rate; all see the newest.
func TestCrowdIsToldAtABoundedRate(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		const crowd = 8_000
		f.set(func() { f.screenings["s"] = stock.Screening{ID: "s"} })
		var watchers []*watcher
		var last *Stream[stock.Screening]
		for range crowd {
			s, w := f.watchScreening("s")
			watchers, last = append(watchers, w), s
		}
		told := func() (n int64) {
			for _, w := range watchers {
				n += w.woken.Load()
			}
			return n
		}
		time.Sleep(time.Minute)
		before := told()
		f.set(func() { f.screenings["s"] = stock.Screening{ID: "s", Available: 1000} })
		time.Sleep(screeningPause + time.Millisecond)
		if n := told() - before; n != crowd {
			t.Errorf("%d of %d watchers were told at once of a change", n, crowd)
		}
		before = told()
		for n := range int64(100) {
			f.set(func() { f.screenings["s"] = stock.Screening{ID: "s", Available: n} })
			time.Sleep(100 * time.Millisecond)
		}
		if n := told() - before; n < 9*crowdRate || n > 11*crowdRate+crowdBurst {
			t.Errorf("%d were told in ten seconds, want about %d", n, 10*crowdRate)
		}
		time.Sleep(2 * crowd * time.Second / crowdRate)
		if got := last.Newest().Value.Available; got != 99 {
			t.Errorf("the last state is %d available, want 99", got)
		}
	})
}

// A crowd watches one screening on sale, whose tickets go all the time. Who watches another sees it as soon as ever.
func TestCrowdDoesNotMakeOtherScreeningsLate(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		const crowd = 12_000
		f.set(func() { f.screenings = map[string]stock.Screening{"crowded": {ID: "crowded"}, "quiet": {ID: "quiet"}} })
		var watchers []*watcher
		for range crowd {
			_, w := f.watchScreening("crowded")
			watchers = append(watchers, w)
		}
		quiet, w := f.watchScreening("quiet")
		time.Sleep(time.Minute)
		before := watchers[0].woken.Load()
		var lastChange time.Time
		for n := range int64(20) {
			f.set(func() { f.screenings["crowded"] = stock.Screening{ID: "crowded", Available: n} })
			lastChange = time.Now()
			time.Sleep(500 * time.Millisecond)
			woken := w.woken.Load()
			f.set(func() { f.screenings["quiet"] = stock.Screening{ID: "quiet", Available: n + 1} })
			changed := time.Now()
			for w.woken.Load() == woken && time.Since(changed) < time.Minute {
				time.Sleep(10 * time.Millisecond)
			}
			if took := time.Since(changed); took > screeningPause+250*time.Millisecond {
				t.Fatalf("who watches another screening than the crowd is told after %v", took)
			}
			if got := quiet.Newest().Value.Available; got != n+1 {
				t.Fatalf("%d are available, want %d", got, n+1)
			}
		}
		time.Sleep(time.Minute)
		if n := watchers[0].woken.Load() - before; n < 3 || n > 6 { // every five seconds, of what is newest then
			t.Errorf("one of the crowd is told %d times in about 15 seconds, want 3 to 6", n)
		}
		for _, w := range watchers {
			if at := time.Unix(0, w.at.Load()); at.Before(lastChange) {
				t.Fatalf("one of the crowd was told last %v before the last change", lastChange.Sub(at))
			}
		}
	})
}

// A process that stops while it tells a crowd does not go on with it, and tells nobody after Run has returned.
func TestStopEndsTheTellingOfCrowds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &database{screenings: map[string]stock.Screening{"s": {ID: "s"}}}
		const crowd = 2 * crowdBurst
		hub := New(Options{Orders: db, Screenings: db, Streams: 2 * crowd, Log: slog.New(slog.DiscardHandler)})
		var watchers []*watcher
		for range crowd {
			p, err := hub.Enter(Caller{})
			if err != nil {
				t.Fatal(err)
			}
			w := &watcher{}
			watchers = append(watchers, w)
			p.WatchScreening("s", w)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		hub.Run(ctx)
		told := func() (n int64) {
			for _, w := range watchers {
				n += w.woken.Load()
			}
			return n
		}
		before := told()
		if before < crowdBurst || before >= crowd {
			t.Errorf("%d of %d were told within a second", before, crowd)
		}
		time.Sleep(time.Minute)
		if n := told(); n != before || len(hub.crowds.told) != 0 {
			t.Errorf("%d more were told after the end, %d crowds are under way", n-before, len(hub.crowds.told))
		}
	})
}
