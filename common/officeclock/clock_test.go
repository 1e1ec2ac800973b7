package officeclock

import (
	"testing"
	"time"
)

// settableClock is a clock that somebody sets while time goes on.
type settableClock struct{ at, age time.Time }

func newSettableClock() *settableClock {
	at := time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC)
	return &settableClock{at, at}
}

func (s *settableClock) pass(d time.Duration) { s.at, s.age = s.at.Add(d), s.age.Add(d) }
func (s *settableClock) set(d time.Duration)  { s.at = s.at.Add(d) }

func (s *settableClock) office(keep time.Duration) *Clock {
	return New(func() time.Time { return s.at }, func() time.Time { return s.age }, keep)
}

// An office cancelled every unpaid order when the clock of its machine was set ahead by an hour, for the minute until that was
// mended: their buyers had been told another time. What has certainly come is what both clocks say, for as long as an order may
// be waiting; then the new one counts.
func TestNothingIsSureBecauseAClockWasSetAhead(t *testing.T) {
	s := newSettableClock()
	begin := s.at
	c := s.office(20 * time.Minute)
	s.pass(10 * time.Minute)
	s.set(time.Hour)
	wantSure := func(want time.Duration) {
		t.Helper()
		if got := c.Sure().Sub(begin); got != want {
			t.Errorf("sure is %v, want %v", got, want)
		}
	}
	if got := c.Now().Sub(begin); got != 70*time.Minute {
		t.Errorf("now is %v", got)
	}
	wantSure(10 * time.Minute)
	s.pass(19 * time.Minute)
	wantSure(29 * time.Minute)
	s.pass(time.Minute)
	wantSure(90 * time.Minute)
	s.set(-time.Hour) // the earlier of the two at once
	wantSure(30 * time.Minute)
	s.pass(time.Minute)
	s.set(time.Hour)
	s.pass(time.Minute)
	s.set(-time.Hour)
	wantSure(32 * time.Minute)
}

// A clock that is kept in step runs a little faster or slower now and then, which is nothing to hold against it.
func TestClockThatIsKeptInStepIsSure(t *testing.T) {
	s := newSettableClock()
	c := s.office(20 * time.Minute)
	for range 1000 {
		s.pass(10 * time.Second)
		s.set(20 * time.Millisecond)
		if behind := s.at.Sub(c.Sure()); behind < 0 || behind > Slack {
			t.Fatalf("sure is %v behind", behind)
		}
	}
	if len(c.held) > 0 {
		t.Errorf("%d readings are held", len(c.held))
	}
	for range 100 {
		s.pass(time.Second)
		s.set(time.Minute)
		c.Sure()
	}
	if len(c.held) > heldMax {
		t.Errorf("%d readings are held", len(c.held))
	}
}

// The clock of the database is that of all processes: a machine whose clock is off by minutes tells, and is sure of, the same
// time as the others, also when it was set while nobody looked.
func TestDatabaseClockCounts(t *testing.T) {
	s := newSettableClock()
	begin := s.at
	c := s.office(20 * time.Minute)
	s.set(5 * time.Minute)
	c.Correct(5 * time.Minute)
	s.pass(time.Minute)
	for _, got := range []time.Time{c.Now(), c.Sure()} {
		if got.Sub(begin) != time.Minute {
			t.Errorf("it is %v, want 1m", got.Sub(begin))
		}
	}
	s.set(-8 * time.Minute)
	if c.Correct(-3 * time.Minute); c.Now().Sub(begin) != time.Minute || c.Sure().Sub(begin) != time.Minute {
		t.Errorf("now is %v and sure %v, want 1m", c.Now().Sub(begin), c.Sure().Sub(begin))
	}
	if c.Correct(-3*time.Minute + Slack/2) {
		t.Error("half a round trip is news")
	}
}

// The clock of the database itself is set ahead, or another server answers in its place whose clock is: a correction was taken
// without asking what had been said before, and unpaid orders ended at once.
func TestNothingIsSureBecauseTheDatabasesClockWasSetAhead(t *testing.T) {
	s := newSettableClock()
	begin := s.at
	c := s.office(20 * time.Minute)
	c.Correct(0)
	s.pass(time.Minute)
	c.Correct(-time.Hour)
	if now, sure := c.Now().Sub(begin), c.Sure().Sub(begin); now != 61*time.Minute || sure != time.Minute {
		t.Errorf("now is %v and sure %v, want 1h1m and 1m", now, sure)
	}
	s.pass(20 * time.Minute)
	if sure := c.Sure().Sub(begin); sure != 81*time.Minute {
		t.Errorf("sure is %v once all who were told another time have had it, want 1h21m", sure)
	}
}

// A machine's clock was set back by an hour, and its database could not be asked: whoever bought there was promised a time that
// was over by the clocks of the other processes, and one of them ended the order in the same second. A deadline is by the later
// time until the database has said what counts.
func TestNoDeadlineIsOverBecauseAClockWasSetBack(t *testing.T) {
	s := newSettableClock()
	begin := s.at
	c := s.office(20 * time.Minute)
	c.Correct(0)
	s.pass(time.Minute)
	s.set(-time.Hour)
	s.pass(time.Minute)
	if now := c.Now().Sub(begin); now != 2*time.Minute {
		t.Errorf("now is %v, want 2m", now)
	}
	c.Correct(-time.Hour) // the database's clock was right all the time
	if now := c.Now().Sub(begin); now != 2*time.Minute {
		t.Errorf("now is %v once the database was asked, want 2m", now)
	}
	s.set(2 * time.Hour)
	if now := c.Now().Sub(begin); now != 122*time.Minute {
		t.Errorf("now is %v after the clock was set ahead, want 2h2m", now)
	}
	s.set(-time.Hour)
	if c.Correct(-time.Hour + Slack/2); c.Now().Sub(begin) != 62*time.Minute { // where there is no other clock
		t.Errorf("now is %v, and the clock says 1h2m", c.Now().Sub(begin))
	}
}
