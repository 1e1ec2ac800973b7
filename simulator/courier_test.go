package simulator

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestAnEventIsSentUntilItIsTaken(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.FirstPause = 10 * time.Millisecond })
	f.answerWith(func(bool) int {
		if len(f.got("")) < 5 {
			return http.StatusServiceUnavailable
		}
		return http.StatusNoContent
	})
	f.start("a1")
	f.pay("a1")
	books := f.idle()
	if len(f.payments) != 1 || books.Counts.Posts != 5 || books.Counts.Retries != 4 || books.Counts.Accepted != 1 || books.Counts.GivenUp != 0 {
		t.Fatalf("%+v", books.Counts)
	}
	got := f.got("")
	for i, least := range []time.Duration{10, 20, 40, 80} {
		if pause := got[i+1].at.Sub(got[i].at); pause < least*time.Millisecond {
			t.Errorf("pause %d was %v", i, pause)
		}
	}
}

func TestAnEventThatNobodyTakesIsGivenUp(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.FirstPause = time.Microsecond })
	f.answerWith(func(bool) int { return http.StatusInternalServerError })
	f.start("a1")
	f.pay("a1")
	if books := f.idle(); books.Counts.Posts != triesMax || books.Counts.GivenUp != 1 || books.Counts.Accepted != 0 {
		t.Errorf("%+v", books.Counts)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) { o.FirstPause = time.Microsecond })
	followed := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer elsewhere.Close()
	f.office.server.Config.Handler = http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect)
	f.start("a1")
	f.pay("a1")
	if books := f.idle(); books.Counts.Accepted != 0 || followed {
		t.Errorf("%+v, followed: %t", books.Counts, followed)
	}
}

func TestWhoMayBeCalled(t *testing.T) {
	f := newFixture(t, None(), func(o *Options) {
		o.AllowedCallback = func(url string) bool { return url == "http://192.0.2.1/callback" }
	})
	if _, err := f.client.Start(f.context(), f.attempt("a1")); err == nil {
		t.Error("an address was taken that is not allowed")
	}
	for url, want := range map[string]bool{
		"http://127.0.0.1:8080/": true, "http://127.1.2.3/": true, "http://[::1]:1/": true, "http://localhost/": true,
		"http://[::ffff:127.0.0.1]/": true, "http://10.0.0.1/": false, "http://169.254.169.254/": false, "http://127.0.0.1.example/": false,
		"http://0.0.0.0/": false, "http://2130706433/": false, "http://[": false,
	} {
		if got := isLoopbackURL(url); got != want {
			t.Errorf("%s: %t", url, got)
		}
	}
	guarded := newClient(nil, true)
	guarded.Timeout = time.Second
	if response, err := guarded.Get("http://192.0.2.1/"); err == nil {
		_ = response.Body.Close()
		t.Error("the client has called a stranger")
	} else if !errors.Is(err, errNotLoopback) {
		t.Errorf("the call failed with %v", err)
	}
}

func TestDeliveriesStopAtClose(t *testing.T) {
	f := newFixture(t, Faults{RefundPending: 1, MaxDelay: 300 * time.Millisecond}, func(o *Options) { o.FirstPause = 50 * time.Millisecond })
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	f.answerWith(func(bool) int {
		entered <- struct{}{}
		<-leave
		return http.StatusInternalServerError
	})
	defer close(leave)
	a := f.start("a1")
	p := f.pay("a1")
	f.start("a2")
	f.press("a2", actLate, "100ms")
	if _, err := f.client.Refund(f.context(), refundOf(p, "rf_1", 1)); err != nil {
		t.Fatal(err)
	}
	<-entered
	begin := time.Now()
	f.sim.Close()
	if took := time.Since(begin); took > closePatience {
		t.Errorf("Close took %v", took)
	}
	before := f.sim.Books()
	if before.Waiting != 0 {
		t.Errorf("%d tasks wait", before.Waiting)
	}
	f.eventually("the late payment's time is over", func() bool { return time.Since(begin) > 400*time.Millisecond })
	if after := f.sim.Books(); after.Counts.Posts != before.Counts.Posts || after.Taken["CNY"] != 9800 || after.Refunds["rf_1"].State != "pending" {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if _, err := f.client.Query(f.context(), a); err != nil { // it can still be asked
		t.Error(err)
	}
	if status, _ := f.press("a2", actLate, "1s"); status != http.StatusServiceUnavailable {
		t.Errorf("a promise after the end: %d", status)
	}
}

func TestAgendaGoesByTime(t *testing.T) {
	a := newAgenda(3, 1)
	defer a.close(time.Second)
	var mu sync.Mutex
	var done []string
	all := make(chan struct{})
	add := func(name string, after time.Duration) bool {
		return a.add(after, func(context.Context) {
			mu.Lock()
			defer mu.Unlock()
			if done = append(done, name); len(done) == 3 {
				close(all)
			}
		})
	}
	if !add("last", 300*time.Millisecond) || !add("first", 100*time.Millisecond) || !add("second", 200*time.Millisecond) {
		t.Fatal("a task was refused")
	}
	if add("too many", 0) {
		t.Error("a full agenda took a task")
	}
	<-all
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"first", "second", "last"}; !slices.Equal(done, want) {
		t.Errorf("done %q", done)
	}
}

func TestAgendaDoesFewTasksAtOnce(t *testing.T) {
	a := newAgenda(100, 4)
	var mu sync.Mutex
	var now, most int
	var all sync.WaitGroup
	all.Add(50)
	for range 50 {
		a.add(0, func(ctx context.Context) {
			defer all.Done()
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			_ = wait(ctx, time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
		})
	}
	all.Wait()
	a.close(time.Second)
	if most > 4 || most < 2 {
		t.Errorf("%d at once", most)
	}
	if a.add(0, func(context.Context) {}) || a.waiting() != 0 {
		t.Error("a closed agenda took a task")
	}
}
