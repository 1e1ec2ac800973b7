package notify

import (
	"errors"
	"strings"
	"testing"

	"boxoffice/order"
)

// What a buyer types becomes an address of a mail, and never a second receiver, a header, or a command.
func TestContactsThatCannotBeWrittenTo(t *testing.T) {
	f := newFixture(t)
	for _, email := range []string{
		"alice", "alice@", "@example.org", "alice@localhost", "alice@example", "a b@example.org", "alice@example.org\r\nBcc: bob@example.org",
		"alice@example.org,bob@example.org", "Alice <alice@example.org>", "<alice@example.org>", `"a@b"@example.org`, "alice@[127.0.0.1]",
		"alice@-example.org", "alice@example..org", "alice@example.org.", "alice@exa_mple.org", "alice@example.org ", "alice(x)@example.org",
		"al\x00ice@example.org", "\u00e4lice@example.org", "alice@ex\u00e4mple.org", "a@b@example.org", ".alice@example.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("a.", 126) + "org",
	} {
		if err := f.SetContact(t.Context(), Contact{BuyerID: "alice", Email: email}); !errors.Is(err, ErrContactInvalid) {
			t.Errorf("email %q: %v", email, err)
		}
	}
	for _, phone := range []string{
		"13800138000", "+", "+0123456789", "+1234567890123456", "+138 0013 8000", "+1380013800x", "+12345", "+1380013\n",
	} {
		if err := f.SetContact(t.Context(), Contact{BuyerID: "alice", Phone: phone}); !errors.Is(err, ErrContactInvalid) {
			t.Errorf("phone %q: %v", phone, err)
		}
	}
	for what, c := range map[string]Contact{
		"nothing":          {BuyerID: "alice"},
		"nobody":           {Email: "alice@example.org"},
		"another language": {BuyerID: "alice", Email: "alice@example.org", Language: "tlh"},
	} {
		if err := f.SetContact(t.Context(), c); !errors.Is(err, ErrContactInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := f.ContactOf(t.Context(), "alice"); !errors.Is(err, ErrContactAbsent) {
		t.Errorf("contact: %v", err)
	}
	for _, c := range []Contact{
		{BuyerID: "alice", Email: "a.l+i_ce@sub.example.org"}, {BuyerID: "alice", Phone: "+8613800138000", Language: Chinese}, aliceBoth,
	} {
		f.contact(c)
		if c.Language == "" {
			c.Language = English
		}
		if got, err := f.ContactOf(t.Context(), "alice"); err != nil || got != c {
			t.Errorf("contact %+v, %v; want %+v", got, err, c)
		}
	}
}

// Who takes the contact away is told nothing more, and where things were sent to is forgotten.
func TestContactIsForgotten(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.reserve(f.order("o-1", order.PendingPayment, ""))
	f.work()
	if n := f.only("o-1"); n.To != alice.Email || n.SentAt.IsZero() {
		t.Errorf("sent %+v", n)
	}
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	for range 2 {
		if err := f.DeleteContact(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	f.work()
	f.wantTold("o-1", "paid mail skipped, reserved mail sent")
	found, err := f.OfBuyer(t.Context(), "alice", 10)
	if err != nil || len(found) != 2 || found[0].To != "" || found[1].To != "" {
		t.Errorf("notifications %+v, %v", found, err)
	}
}

// The buyer changes the address between the message and its mail: the mail goes to the new one.
func TestMailGoesWhereTheBuyerIsNow(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.reserve(f.order("o-1", order.PendingPayment, ""))
	moved := alice
	moved.Email, moved.Language = "new@example.org", Chinese
	f.contact(moved)
	if n := f.only("o-1"); n.To != moved.Email || n.NextAt.IsZero() {
		t.Errorf("due %+v", n)
	}
	f.work()
	if len(f.mail.sent) != 1 || f.mail.sent[0].To != moved.Email || f.mail.sent[0].Language != Chinese {
		t.Errorf("sent %+v", f.mail.sent)
	}
}
