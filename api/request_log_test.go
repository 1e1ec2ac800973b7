package api

import (
	"strings"
	"testing"
	"time"

	"boxoffice/stock"
)

// A full disk made 36,000 warnings in 22 seconds, 18 MB on that very disk. An outage is one line a minute, which says how
// many others there were.
func TestOutageDoesNotFloodTheLog(t *testing.T) {
	now := testNow()
	f := newFixture(t, func(o *Options) { o.Now = func() time.Time { return now } })
	f.stock.screening = func(string) (stock.Screening, error) { return stock.Screening{}, stock.ErrUnavailable }
	get := func() {
		wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/screenings/" + screeningID}), 503, "unavailable")
	}
	for range 100 {
		get()
	}
	if n := strings.Count(f.log.String(), `"level":"WARN"`); n != 1 {
		t.Errorf("%d warnings of 100 requests in one moment", n)
	}
	now = now.Add(warningPause)
	get()
	if log := f.log.String(); strings.Count(log, `"level":"WARN"`) != 2 || !strings.Contains(log, `"others_since":99`) {
		t.Errorf("the log is %s", log)
	}
	now = now.Add(-time.Hour) // a clock that steps back silences nothing
	get()
	if n := strings.Count(f.log.String(), `"level":"WARN"`); n != 3 {
		t.Errorf("%d warnings after the clock stepped back", n)
	}
}
