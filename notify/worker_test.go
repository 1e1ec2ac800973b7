package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/order"
)

// due makes notifications by mail that are due.
func (f *fixture) due(ids ...string) {
	f.t.Helper()
	f.contact(alice)
	for _, id := range ids {
		f.order(id, order.Paid, "")
	}
	f.settle(ids...)
}

// Many workers of several processes share many messages: each is taken once.
func TestWorkersShareTheMessages(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	var ids []string
	for i := range 150 { // more than two pages
		ids = append(ids, fmt.Sprintf("o-%03d", i))
		f.order(ids[i], order.Cancelled, order.CancelByOffice) // whose mails have no codes to draw
	}
	f.settle(ids...)
	var wait sync.WaitGroup
	for range 4 {
		p := f.process()
		wait.Go(func() {
			for n := 1; n > 0; {
				var err error
				if n, err = p.sendNext(t.Context(), ChannelMail); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	taken := map[string]int{}
	for _, id := range f.mail.ids() {
		taken[id]++
	}
	if len(taken) != 150 || len(f.mail.ids()) != 150 {
		t.Errorf("%d messages were taken %d times", len(taken), len(f.mail.ids()))
	}
}

// Two workers have read the same row. One has it; the other one passes it over, also while the first one still sends.
func TestTwoWorkersOneMessage(t *testing.T) {
	f := newFixture(t)
	f.due("o-1")
	rows, err := readRows(t.Context(), f.db, `WHERE state = 'due'`)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows %+v, %v", rows, err)
	}
	other := f.process()
	f.mail.set(func(context.Context, Message) error {
		f.mail.set(nil)
		if err := other.sendOne(t.Context(), rows[0]); err != nil { // while the first one sends
			t.Error(err)
		}
		return nil
	})
	for _, worker := range []*Service{f.Service, other} {
		if err := worker.sendOne(t.Context(), rows[0]); err != nil {
			t.Error(err)
		}
	}
	f.wantTold("o-1", "paid mail sent")
	if n := f.only("o-1"); len(f.mail.ids()) != 1 || n.Tries != 1 {
		t.Errorf("taken as %s after %d tries", f.mail.ids(), n.Tries)
	}
}

// A process is killed after the server has taken a mail and before the row says so. Nobody touches the row while the lease
// runs; then the mail goes again, with the same id, by which who gets it twice can tell.
func TestMessageSurvivesItsWorker(t *testing.T) {
	f := newFixture(t)
	f.due("o-1")
	rows, err := readRows(t.Context(), f.db, `WHERE state = 'due'`)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows %+v, %v", rows, err)
	}
	if err := claimRow(t.Context(), f.db, rows[0], "killed", f.now().Add(claimLease)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(t.Context(), rows[0]); err != nil { // and the process is gone
		t.Fatal(err)
	}
	other := f.process()
	if n, err := other.sendNext(t.Context(), ChannelMail); n != 0 || err != nil {
		t.Errorf("another worker has sent %d, %v, while the lease ran", n, err)
	}
	f.advance(claimLease)
	f.work()
	f.wantTold("o-1", "paid mail sent")
	if got := fmt.Sprint(f.mail.ids()); got != "[o-1-paid-mail o-1-paid-mail]" {
		t.Errorf("taken %s", got)
	}
}

// A process is told to stop while it sends: what was taken is written, and what was not is sent by the next one.
func TestStopWhileItSends(t *testing.T) {
	f := newFixture(t)
	f.due("taken", "not-taken")
	for id, answer := range map[string]error{"taken": nil, "not-taken": context.Canceled} {
		ctx, stop := context.WithCancel(t.Context())
		f.mail.set(func(context.Context, Message) error {
			stop()
			return answer
		})
		rows, err := readRows(t.Context(), f.db, `WHERE order_id = ?`, id)
		if err != nil || len(rows) != 1 {
			t.Fatalf("rows %+v, %v", rows, err)
		}
		if err := f.sendOne(ctx, rows[0]); !errors.Is(err, answer) {
			t.Errorf("%s: %v", id, err)
		}
	}
	f.wantTold("taken", "paid mail sent")
	f.wantTold("not-taken", "paid mail due")
	f.mail.set(nil)
	f.advance(claimLease)
	f.work()
	f.wantTold("not-taken", "paid mail sent")
}

// A lease is over before its worker is: the row is another one's, and keeps what that one has written.
func TestSlowWorkerOverwritesNothing(t *testing.T) {
	f := newFixture(t)
	f.due("o-1")
	f.mail.set(func(context.Context, Message) error {
		f.mail.set(nil)
		f.advance(claimLease + time.Second)
		f.work() // by who comes after the lease
		return errors.New("421 too slow")
	})
	f.work()
	f.wantTold("o-1", "paid mail sent")
	if n := f.only("o-1"); n.LastError != "" || n.Tries != 2 {
		t.Errorf("notification %+v", n)
	}
}

// Who refuses for good is asked once. Who has no time is asked again, with longer and longer pauses, until the cap; then a
// person looks, and has it sent again.
func TestFailuresEndWithAPerson(t *testing.T) {
	f := newFixture(t)
	f.due("refused", "busy")
	var asked atomic.Int32
	f.mail.set(func(_ context.Context, m Message) error {
		if m.OrderID == "refused" {
			return fmt.Errorf("%w: 550 no such user", ErrRefused)
		}
		asked.Add(1)
		return errors.New("451 come\r\nback later")
	})
	f.work()
	f.wantTold("refused", "paid mail dead")
	f.wantTold("busy", "paid mail due")
	if n := f.only("busy"); n.LastError != "451 come back later" || !n.NextAt.Equal(f.now().Add(firstPause)) {
		t.Errorf("busy: %+v", n)
	}
	began := f.now()
	for range 100 {
		f.advance(lastPause)
		f.work()
	}
	f.wantTold("busy", "paid mail dead")
	if n := f.only("busy"); asked.Load() != defaultMaxTries || n.Tries != defaultMaxTries {
		t.Errorf("asked %d times, %d tries", asked.Load(), n.Tries)
	}
	dead, next, err := f.Find(t.Context(), Filter{State: StateDead, Limit: 1})
	if err != nil || len(dead) != 1 || next == "" {
		t.Fatalf("dead %+v, %q, %v", dead, next, err)
	}
	more, end, err := f.Find(t.Context(), Filter{State: StateDead, AfterID: next, Limit: 1})
	if err != nil || len(more) != 1 || end != "" || more[0].ID == dead[0].ID {
		t.Errorf("more dead %+v, %q, %v", more, end, err)
	}
	if counts, err := f.Count(t.Context()); err != nil || counts[ChannelMail].Dead != 2 || counts[ChannelMail].Due != 0 {
		t.Errorf("counts %+v, %v", counts, err)
	}
	f.wantRetried("busy")
	if began.Equal(f.now()) {
		t.Error("the clock stands")
	}
}

// wantRetried has a dead notification sent again by an operator, which is recorded.
func (f *fixture) wantRetried(orderID string) {
	f.t.Helper()
	f.mail.set(nil)
	id := f.only(orderID).ID
	act := audit.Act{Actor: "sam", Note: "their server is back"}
	n, err := f.Retry(f.t.Context(), id, act)
	if err != nil || n.State != StateDue || n.Tries != 0 {
		f.t.Fatalf("retry: %+v, %v", n, err)
	}
	if _, err := f.Retry(f.t.Context(), id, act); !errors.Is(err, ErrNotDead) {
		f.t.Errorf("retry what is due: %v", err)
	}
	if _, err := f.Retry(f.t.Context(), "nothing", act); !errors.Is(err, ErrAbsent) {
		f.t.Errorf("retry nothing: %v", err)
	}
	f.work()
	f.wantTold(orderID, "paid mail sent")
	acts, err := f.ActsOn(f.t.Context(), id)
	if err != nil || len(acts) != 1 || acts[0].Actor != "sam" || acts[0].Note != act.Note || acts[0].What != "retry_notification" {
		f.t.Errorf("acts %+v, %v", acts, err)
	}
	if all, err := f.Acts(f.t.Context(), audit.Filter{Actor: "sam"}, 10); err != nil || len(all) != 1 {
		f.t.Errorf("acts %+v, %v", all, err)
	}
}

// The mail server is away for two days. It is asked by one message after another, not by all of them; nothing is dead when it
// is back, and all is sent.
func TestOutageKillsNothing(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprint("o-", i))
		f.order(ids[i], order.Cancelled, order.CancelByOffice)
	}
	f.settle(ids...)
	var asked atomic.Int32
	f.mail.set(func(context.Context, Message) error {
		asked.Add(1)
		return fmt.Errorf("%w: connection refused", ErrAway)
	})
	if n, err := f.sendNext(t.Context(), ChannelMail); n != 12 || !errors.Is(err, ErrAway) || asked.Load() > defaultWorkers {
		t.Errorf("%d were due, %v, and the server was asked %d times in one pass", n, err, asked.Load())
	}
	for range 4 * 48 {
		f.work()
		f.advance(15 * time.Minute)
	}
	if asked.Load() <= 12*defaultMaxTries {
		t.Errorf("asked %d times for 12 messages", asked.Load())
	}
	counts, err := f.Count(t.Context())
	if err != nil || counts[ChannelMail].Due != 12 || counts[ChannelMail].Dead != 0 {
		t.Errorf("counts %+v, %v", counts, err)
	}
	f.mail.set(nil)
	f.advance(lastPause)
	f.work()
	if n := len(f.mail.ids()); n != 12 {
		t.Errorf("%d of 12 were sent", n)
	}
}

// A mail server was away for two days, and took no more than it could when it was back: at the first "not now" each mail was
// dead, because the tries of the outage had used up all of its own.
func TestOutageUsesUpNobodysTries(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.order("o-1", order.Cancelled, order.CancelByOffice)
	f.settle("o-1")
	f.mail.set(func(context.Context, Message) error { return ErrAway })
	for range 48 {
		f.work()
		f.advance(lastPause)
	}
	f.mail.set(func(context.Context, Message) error { return errors.New("451 not now") })
	for range triesLeft - 1 {
		f.work()
		f.wantTold("o-1", "cancelled mail due")
		f.advance(lastPause)
	}
	f.work()
	f.wantTold("o-1", "cancelled mail dead")
}

// An outage that does not end makes nothing wait for ever.
func TestEndlessOutageEndsWithAPerson(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.order("o-1", order.Cancelled, order.CancelByOffice)
	f.settle("o-1")
	f.mail.set(func(context.Context, Message) error { return ErrAway })
	for range 7*24 + 2 {
		f.work()
		f.advance(time.Hour)
	}
	f.wantTold("o-1", "cancelled mail dead")
}

// The order service is away: nothing is sent, and nothing is lost.
func TestNothingIsSentUnseen(t *testing.T) {
	f := newFixture(t)
	f.due("o-1")
	f.office.change(func() { f.office.err = order.ErrUnavailable })
	f.work()
	f.wantTold("o-1", "paid mail due")
	f.office.change(func() { f.office.err = nil })
	f.advance(firstPause)
	f.work()
	f.wantTold("o-1", "paid mail sent")
}

// Rows that nobody can send stand in the way of no other: one panics, one names a screening that is nowhere, one an address
// that never was checked.
func TestPoisonHoldsUpNobody(t *testing.T) {
	f := newFixture(t)
	f.due("panics", "nowhere", "good")
	f.exec(`UPDATE notifications SET screening_id = 'nowhere' WHERE order_id = 'nowhere'`)
	f.Workers = 1
	f.mail.set(func(_ context.Context, m Message) error {
		if m.OrderID == "panics" {
			panic("poison")
		}
		return nil
	})
	f.work()
	f.wantTold("good", "paid mail sent")
	for range 30 {
		f.advance(lastPause)
		f.work()
	}
	f.wantTold("panics", "paid mail dead")
	f.wantTold("nowhere", "paid mail dead")
	if n := f.only("panics"); len(n.LastError) > errorMax || n.LastError == "" {
		t.Errorf("panics: %+v", n)
	}
}

// A channel whose server hangs holds up no other channel, and the loop ends when the process stops.
func TestChannelsDoNotWaitForEachOther(t *testing.T) {
	f := newFixture(t)
	f.contact(aliceBoth)
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	hangs := make(chan struct{})
	f.mail.set(func(ctx context.Context, _ Message) error {
		close(hangs)
		<-ctx.Done()
		return ctx.Err()
	})
	told := make(chan struct{})
	f.sms.set(func(context.Context, Message) error {
		<-hangs
		close(told)
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.SendEvery(ctx, time.Hour) })
	<-told
	stop()
	running.Wait()
	f.wantTold("o-1", "paid mail due, paid sms sent")
}

// An operator asks which process has told a buyer, or tried to: a mail says who wrote it down and who tried it last. A name
// that is longer than its column is cut.
func TestMailSaysWhichProcessMadeAndTriedIt(t *testing.T) {
	f := newFixture(t)
	shop, first, second := f.processNamed("shop 7"), f.processNamed("mail 8"), f.processNamed(strings.Repeat("long", 100))
	f.contact(alice)
	o := f.order("o-1", order.PendingPayment, "")
	if err := shop.Reserve(t.Context(), event.Reserved{Orders: []event.Order{o}}); err != nil {
		t.Fatal(err)
	}
	if n := f.only("o-1"); n.MadeBy != "shop 7" || n.TriedBy != "" {
		t.Errorf("before its first try: made by %q, tried by %q", n.MadeBy, n.TriedBy)
	}
	f.mail.set(func(context.Context, Message) error { return errors.New("451 come back later") })
	for _, try := range []struct {
		by   *Service
		want string
	}{{first, "mail 8"}, {second, strings.Repeat("long", processMax/4)}} {
		if _, err := try.by.sendNext(t.Context(), ChannelMail); err != nil {
			t.Fatal(err)
		}
		if n := f.only("o-1"); n.MadeBy != "shop 7" || n.TriedBy != try.want {
			t.Errorf("made by %q, tried by %q, want %q", n.MadeBy, n.TriedBy, try.want)
		}
		f.mail.set(nil)
		f.advance(firstPause)
	}
	f.wantTold("o-1", "reserved mail sent")
}
