package broker

import (
	"errors"
	"testing"
	"time"
)

// On a full disk "a task of the broker failed" was logged once a second until there was room.
func TestTaskThatGoesOnFailingIsLoggedOnceAMinute(t *testing.T) {
	var f failures
	full, now := errors.New("no space left on device"), time.Now()
	logged := 0
	for range 600 { // of ten minutes
		if begins, ends := f.note("deliver", full, now); ends {
			t.Fatal("it ends while it lasts")
		} else if begins {
			logged++
		}
		now = now.Add(time.Second)
	}
	if logged != 10 {
		t.Errorf("logged %d times in ten minutes, want 10", logged)
	}
	if begins, _ := f.note("save", full, now); !begins {
		t.Error("another task's failure is not logged")
	}
	if _, ends := f.note("deliver", nil, now); !ends {
		t.Error("nobody is told that it is over")
	}
	if begins, ends := f.note("deliver", nil, now); begins || ends {
		t.Error("what is well is logged")
	}
	if begins, _ := f.note("deliver", full, now); !begins {
		t.Error("a failure that begins again is not logged")
	}
}
