package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"boxoffice/common/audit"
	"boxoffice/notify"
)

// fakeMails has dead mails, unless it is away.
type fakeMails struct {
	dead []notify.Notification
	err  error
}

func (f *fakeMails) Find(_ context.Context, which notify.Filter) (found []notify.Notification, next string, err error) {
	for _, n := range f.dead {
		if n.ID > which.AfterID && len(found) < which.Limit {
			found = append(found, n)
		}
	}
	if len(found) > 0 && found[len(found)-1].ID != f.dead[len(f.dead)-1].ID {
		next = found[len(found)-1].ID
	}
	return found, next, f.err
}

func (f *fakeMails) RetryAll(_ context.Context, ids []string, _ audit.Act) (due []string, err error) {
	f.dead = slices.DeleteFunc(f.dead, func(n notify.Notification) bool {
		again := slices.Contains(ids, n.ID)
		if again {
			due = append(due, n.ID)
		}
		return again
	})
	return due, f.err
}

// Mail that was given up was in a list that nobody looks at while all else is well. It is a finding with a remedy, one by one
// or all at once, however many there are; and a database of mail that is away leaves the rest of the examination as it is.
func TestMailThatWasGivenUpIsFound(t *testing.T) {
	s := newService(t)
	mails := &fakeMails{}
	s.office.Mails = mails
	for i := range pageSize + 3 {
		mails.dead = append(mails.dead, notify.Notification{
			ID: fmt.Sprintf("o-%04d-paid-mail", i), OrderID: fmt.Sprintf("o-%04d", i), Kind: notify.KindPaid, Channel: notify.ChannelMail,
			Tries: 15, LastError: "550 no such mailbox",
		})
	}
	r, err := Examine(t.Context(), s.office)
	if err != nil || r.Counts[DeadMail] != pageSize+3 || r.Counts[MissingOrder] != 1 {
		t.Fatalf("%+v, %v", r.Counts, err)
	}
	i := slices.IndexFunc(r.Troubles, func(trouble Trouble) bool { return trouble.Kind == DeadMail })
	want := "paid by mail, of order o-0000: given up; tries: 15, the last: 550 no such mailbox"
	if r.Troubles[i].Detail != want || r.Troubles[i].Remedy != "send it again" {
		t.Errorf("%+v", r.Troubles[i])
	}
	wantMended(t, s, r, Selection{Kind: DeadMail, ID: "o-0007-paid-mail"}, mails, pageSize+2)
	wantMended(t, s, r, Selection{Kind: DeadMail}, mails, 0)

	mails.err = fmt.Errorf("read notifications: %w", notify.ErrUnavailable)
	if r, err := Examine(t.Context(), s.office); err != nil || r.Counts[MailAway] != 1 || r.Counts[MissingOrder] != 1 {
		t.Errorf("away: %+v, %v", r, err)
	}
	mails.err = errors.New("a defect")
	if _, err := Examine(t.Context(), s.office); !errors.Is(err, mails.err) {
		t.Errorf("%v, want the defect", err)
	}
}

// wantMended does what is to be done about a selection, and wants so many dead mails to be left.
func wantMended(t *testing.T, s *Service, r *Report, which Selection, mails *fakeMails, left int) {
	t.Helper()
	chosen, err := r.choose(which)
	if err != nil {
		t.Fatal(err)
	}
	before, done := len(mails.dead), newReport(s.office.Now())
	err = (&mender{Office: s.office, done: done}).sendMailsAgain(t.Context(), chosen.mails)
	if err != nil || len(mails.dead) != left || len(done.Fixed) != before-left {
		t.Errorf("%+v: %d are left and %d done, %v, want %d left", which, len(mails.dead), len(done.Fixed), err, left)
	}
}
