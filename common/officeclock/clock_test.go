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
	c.Correct(5*time.Minute, 0)
	s.pass(time.Minute)
	for _, got := range []time.Time{c.Now(), c.Sure()} {
		if got.Sub(begin) != time.Minute {
			t.Errorf("it is %v, want 1m", got.Sub(begin))
		}
	}
	s.set(-8 * time.Minute)
	if c.Correct(-3*time.Minute, 0); c.Now().Sub(begin) != time.Minute || c.Sure().Sub(begin) != time.Minute {
		t.Errorf("now is %v and sure %v, want 1m", c.Now().Sub(begin), c.Sure().Sub(begin))
	}
	if c.Correct(-3*time.Minute+Slack/2, Slack/2) {
		t.Error("half a round trip is news")
	}
}

// The clock of a machine was 0.7 s behind, and that was not taken off, because the office's clock let pass what was less than a
// second: another machine ended the orders that were made there 0.7 s before 15 minutes had passed.
func TestClocksLessThanASecondApartTellTheSameTime(t *testing.T) {
	for _, behind := range []time.Duration{-700 * time.Millisecond, 700 * time.Millisecond} {
		s := newSettableClock()
		begin := s.at
		c := s.office(20 * time.Minute)
		s.set(-behind)
		wantNow := func(what string, want time.Duration) {
			t.Helper()
			if now, sure := c.Now().Sub(begin), c.Sure().Sub(begin); now != want || sure > want {
				t.Errorf("%v behind, %s: now is %v and sure %v, want %v", behind, what, now, sure, want)
			}
		}
		if c.Correct(-behind, 0) {
			t.Errorf("%v is news", behind)
		}
		wantNow("asked for the first time", 0)
		if sure := c.Sure().Sub(begin); sure != 0 {
			t.Errorf("%v behind: sure is %v at the beginning", behind, sure)
		}
		s.set(behind)
		c.Correct(0, 0)
		wantNow("once it was set right", 0)
		for range 2 {
			s.pass(2 * restFor)
			c.Sure()
		}
		if sure := c.Sure().Sub(begin); sure != 4*restFor {
			t.Errorf("%v behind: sure is %v after %v", behind, sure, 4*restFor)
		}
	}
}

// An answer of a database that is slow says little: it corrects a clock as far as it proves it wrong, and no further.
func TestSlowAnswerMovesNoClockFromTheRightTime(t *testing.T) {
	s := newSettableClock()
	c := s.office(20 * time.Minute)
	c.Correct(100*time.Millisecond, time.Millisecond)
	for _, said := range []struct{ ahead, within, want time.Duration }{
		{600 * time.Millisecond, 700 * time.Millisecond, 100 * time.Millisecond},
		{-500 * time.Millisecond, 700 * time.Millisecond, 100 * time.Millisecond},
		{1900 * time.Millisecond, time.Second, 900 * time.Millisecond},
		{110 * time.Millisecond, 10 * time.Millisecond, 120 * time.Millisecond},
		{110 * time.Millisecond, time.Millisecond, 111 * time.Millisecond},
	} {
		if c.Correct(said.ahead, said.within) {
			t.Errorf("%v to within %v is news", said.ahead, said.within)
		}
		if got := s.at.Sub(c.Now()); got != said.want {
			t.Errorf("told %v to within %v, %v is taken off, want %v", said.ahead, said.within, got, said.want)
		}
	}
}

// The clock of the database itself is set ahead, or another server answers in its place whose clock is: a correction was taken
// without asking what had been said before, and unpaid orders ended at once.
func TestNothingIsSureBecauseTheDatabasesClockWasSetAhead(t *testing.T) {
	s := newSettableClock()
	begin := s.at
	c := s.office(20 * time.Minute)
	c.Correct(0, 0)
	s.pass(time.Minute)
	c.Correct(-time.Hour, 0)
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
	c.Correct(0, 0)
	s.pass(time.Minute)
	s.set(-time.Hour)
	s.pass(time.Minute)
	if now := c.Now().Sub(begin); now != 2*time.Minute {
		t.Errorf("now is %v, want 2m", now)
	}
	c.Correct(-time.Hour, 0) // the database's clock was right all the time
	if now := c.Now().Sub(begin); now != 2*time.Minute {
		t.Errorf("now is %v once the database was asked, want 2m", now)
	}
	s.set(2 * time.Hour)
	if now := c.Now().Sub(begin); now != 122*time.Minute {
		t.Errorf("now is %v after the clock was set ahead, want 2h2m", now)
	}
	s.set(-time.Hour)
	if c.Correct(-time.Hour+Slack/2, Slack/2); c.Now().Sub(begin) != 62*time.Minute { // where there is no other clock
		t.Errorf("now is %v, and the clock says 1h2m", c.Now().Sub(begin))
	}
}

// A machine's clock was set back, and the database answered slowly: what its answer left open was taken for the time, which went
// back by up to a second until the next answer, although the steady reading knew better.
func TestSlowAnswerTurnsNoTimeBack(t *testing.T) {
	s := newSettableClock()
	c := s.office(20 * time.Minute)
	c.Correct(0, 0)
	s.pass(time.Second)
	s.set(-1900 * time.Millisecond)
	before := c.Now()
	if !c.Correct(-1900*time.Millisecond, 1001*time.Millisecond) {
		t.Error("a clock that was set by 1.9 s is no news")
	}
	if after := c.Now(); !after.Equal(before) {
		t.Errorf("the time went from %v to %v", before, after)
	}
}
