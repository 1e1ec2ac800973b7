package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// Whoever has many sent again names some that are not dead, or not there: those stay as they are, and a second call does nothing.
func TestRetryAllTakesTheDeadAlone(t *testing.T) {
	f := newFixture(t)
	f.due("dead", "dead too", "sent", "due")
	f.mail.set(func(_ context.Context, m Message) error {
		switch m.OrderID {
		case "sent":
			return nil
		case "due":
			return errors.New("451 come back later")
		}
		return fmt.Errorf("%w: 550 no such user", ErrRefused)
	})
	f.work()
	ids := []string{"dead-paid-mail", "dead too-paid-mail", "sent-paid-mail", "due-paid-mail", "absent"}
	if due, err := f.RetryAll(t.Context(), ids); err != nil || !slices.Equal(due, ids[:2]) {
		t.Errorf("sent again %q, %v", due, err)
	}
	for _, id := range []string{"dead", "dead too"} {
		if n := f.only(id); n.State != StateDue || n.Tries != 0 || !n.NextAt.Equal(f.now()) {
			t.Errorf("%s: %+v", id, n)
		}
	}
	f.wantTold("sent", "paid mail sent")
	if n := f.only("due"); n.Tries != 1 {
		t.Errorf("one that was due: %+v", n)
	}
	if due, err := f.RetryAll(t.Context(), ids); err != nil || len(due) != 0 {
		t.Errorf("once more: %q, %v", due, err)
	}
}
