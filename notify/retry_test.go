package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"boxoffice/common/audit"
)

// Whoever has many sent again names some that are not dead, or not there: those stay as they are, and a second call does nothing.
func TestRetryAllTakesTheDeadAlone(t *testing.T) {
	f := newFixture(t)
	f.due("dead", "dead-too", "sent", "due")
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
	ids := []string{"dead-paid-mail", "dead-too-paid-mail", "sent-paid-mail", "due-paid-mail", "absent"}
	act := audit.Act{Actor: "sam", Note: "their server is back"}
	if due, err := f.RetryAll(t.Context(), ids, act); err != nil || !slices.Equal(due, ids[:2]) {
		t.Errorf("sent again %q, %v", due, err)
	}
	for _, id := range []string{"dead", "dead-too"} {
		if n := f.only(id); n.State != StateDue || n.Tries != 0 || !n.NextAt.Equal(f.now()) {
			t.Errorf("%s: %+v", id, n)
		}
	}
	f.wantTold("sent", "paid mail sent")
	if n := f.only("due"); n.Tries != 1 {
		t.Errorf("one that was due: %+v", n)
	}
	if due, err := f.RetryAll(t.Context(), ids, act); err != nil || len(due) != 0 {
		t.Errorf("once more: %q, %v", due, err)
	}
	acts, err := f.ActsOn(t.Context(), ids...)
	if err != nil || len(acts) != 2 || acts[0].Act != act || acts[0].What != audit.MendOne || acts[0].Subject == acts[1].Subject {
		t.Errorf("of each it is recorded: %+v, %v", acts, err)
	}
	if all, err := f.Acts(t.Context(), audit.Filter{}, 10); err != nil || len(all) != 0 {
		t.Errorf("in the list of all, where the act stands by itself: %+v, %v", all, err)
	}
}
