package inquiry

import (
	"slices"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/notify"
)

// The timeline says what the buyer was told, when, by which process, and after how many tries; what was given up, and what is still
// to come.
func TestTimelineTellsWhatTheBuyerWasTold(t *testing.T) {
	o := newOffice(t)
	b := o.bought("scr-1", "alice")
	o.add(b, Paid)
	made := o.now()
	mail := func(kind notify.Kind, state notify.State, change func(*notify.Notification)) notify.Notification {
		n := notify.Notification{
			ID: b.ID + "-" + string(kind), OrderID: b.ID, BuyerID: "alice", Kind: kind, Channel: notify.ChannelMail, To: "alice@example.org",
			State: state, Tries: 3, CreatedAt: made, MadeBy: "shop 7", TriedBy: "mail 8",
		}
		change(&n)
		return n
	}
	o.told = []notify.Notification{
		mail(notify.KindReserved, notify.StateSkipped, func(n *notify.Notification) { n.To, n.LastError = "", "the order is paid" }),
		mail(notify.KindPaid, notify.StateSent, func(n *notify.Notification) { n.SentAt = made.Add(time.Second) }),
		mail(notify.KindCancelled, notify.StateDue, func(n *notify.Notification) { n.NextAt = made.Add(time.Hour) }),
		mail(notify.KindRefunded, notify.StateDead, func(n *notify.Notification) { n.LastError = "550 no such mailbox" }),
	}
	o.toldActs = []audit.Recorded{{Act: audit.Act{Actor: "olga", Note: "again"}, ID: "a", At: made, What: "retry_notification", Subject: b.ID}}
	h, err := o.desk.History(t.Context(), b.ID, made.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		what, detail, process string
		at                    time.Time
		planned               bool
	}{
		{NotificationMade, "reserved by mail; tries: 3, the last: the order is paid; the last one by mail 8", "shop 7", made, false},
		{NotificationMade, "paid by mail; to alice@example.org", "shop 7", made, false},
		{NotificationSent, "paid by mail; to alice@example.org; at try 3", "mail 8", made.Add(time.Second), false},
		{NotificationDue, "cancelled by mail; to alice@example.org", "", made.Add(time.Hour), true},
		{
			NotificationDead, "refunded by mail; to alice@example.org; tries: 3, the last: 550 no such mailbox; the last one by mail 8", "shop 7",
			made, false,
		},
		{OperatorAct, "olga did retry_notification to " + b.ID + ": again", "", made, false},
	} {
		if !slices.ContainsFunc(h.Entries, func(e Entry) bool {
			return e.What == want.what && e.Detail == want.detail && e.Process == want.process && e.At.Equal(want.at) && e.Planned == want.planned
		}) {
			t.Errorf("no %s %q by %q at %v in %+v", want.what, want.detail, want.process, want.at, h.Entries)
		}
	}
}

// Without the database of mail an order is explained all the same, and the dossier says what is missing.
func TestDossierWithoutMail(t *testing.T) {
	o := newOffice(t)
	b := o.bought("scr-1", "alice")
	o.add(b, Paid)
	o.toldErr = notify.ErrUnavailable
	if d := o.dossier(b.ID); !d.MailAway || d.Order == nil || len(d.Notifications) > 0 {
		t.Errorf("dossier %+v", d)
	}
	o.toldErr = nil
	if d := o.dossier(b.ID); d.MailAway {
		t.Error("mail is said to be away, and is not")
	}
}
