package notify

import (
	"context"
	"fmt"
	"testing"
	"time"

	"boxoffice/order"
)

// refuse has a carrier refuse what goes to these addresses.
func refuse(carrier *fakeCarrier, addresses ...string) {
	carrier.set(func(_ context.Context, m Message) error {
		for _, a := range addresses {
			if m.To == a {
				return fmt.Errorf("no such user: %w", ErrRefused)
			}
		}
		return nil
	})
}

// Alice takes her address away, or keeps her phone only, while the mail with her tickets is due, and it is skipped. She gives
// an address again: the row was there, so nothing became due, and she never got her tickets. No operator could send them.
func TestContactThatComesBackIsTold(t *testing.T) {
	for name, forget := range map[string]func(f *fixture) error{
		"deleted": func(f *fixture) error { return f.DeleteContact(f.t.Context(), "alice") },
		"phone only": func(f *fixture) error {
			return f.SetContact(f.t.Context(), Contact{BuyerID: "alice", Phone: aliceBoth.Phone})
		},
		"deleted twice": func(f *fixture) error { return f.DeleteContact(f.t.Context(), "alice") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.contact(alice)
			f.order("o-1", order.Paid, "")
			f.settle("o-1")
			f.order("gone", order.Paid, "")
			f.settle("gone")
			f.order("gone", order.Cancelled, order.CancelByOffice)
			if err := forget(f); err != nil {
				t.Fatal(err)
			}
			f.work()
			if name == "deleted twice" { // which forgets why it was skipped, too
				if err := forget(f); err != nil {
					t.Fatal(err)
				}
			}
			if n := f.by("o-1", ChannelMail); n.State != StateSkipped {
				t.Fatalf("without an address: %+v", n)
			}
			f.contact(aliceBoth)
			if n := f.by("o-1", ChannelMail); n.State != StateDue || n.To != alice.Email || n.LastError != "" || n.Tries != 0 {
				t.Errorf("with an address again: %+v", n)
			}
			for range 2 {
				f.work()
				f.contact(aliceBoth)
			}
			if got := fmt.Sprint(f.mail.ids()); got != "[o-1-paid-mail]" {
				t.Errorf("mails %s, want that of the paid order, once", got)
			}
			if n := f.by("gone", ChannelMail); n.State != StateSkipped || n.LastError == whyNoContact {
				t.Errorf("of an order that is not paid any more: %+v", n)
			}
		})
	}
}

// Alice mistypes her address, the server knows no such user, and the mail with her tickets is dead. She corrects the address,
// and heard nothing all the same: only an operator could send it. The address that was refused is not tried again.
func TestAddressThatIsCorrectedIsTold(t *testing.T) {
	f := newFixture(t)
	typo := alice
	typo.Email = "alcie@example.org"
	refuse(f.mail, typo.Email)
	f.contact(typo)
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	f.work()
	f.contact(typo)
	f.wantTold("o-1", "paid mail dead")
	f.contact(alice)
	if n := f.only("o-1"); n.State != StateDue || n.To != alice.Email || n.Tries != 0 {
		t.Errorf("with another address: %+v", n)
	}
	for range 2 {
		f.work()
		f.contact(typo) // nothing that was sent goes anywhere else
	}
	f.wantTold("o-1", "paid mail sent")
	if len(f.mail.sent) != 1 || f.mail.sent[0].To != alice.Email {
		t.Errorf("sent %+v", f.mail.sent)
	}
}

// Alice corrects her address in the very moment in which the server refuses the old one: her call finds the row due, and then
// it was dead, with nobody left to see that there is another address.
func TestAddressThatIsCorrectedDuringATryIsTold(t *testing.T) {
	f := newFixture(t)
	typo := alice
	typo.Email = "alcie@example.org"
	f.contact(typo)
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	f.mail.set(func(_ context.Context, m Message) error {
		if m.To == alice.Email {
			return nil
		}
		f.contact(alice)
		return ErrRefused
	})
	f.work()
	f.advance(time.Second)
	f.work()
	f.wantTold("o-1", "paid mail sent")
	if n := f.only("o-1"); n.To != alice.Email {
		t.Errorf("sent %+v", n)
	}
}

// by is the one notification of an order by a channel.
func (f *fixture) by(orderID string, channel Channel) Notification {
	f.t.Helper()
	found, err := f.OfOrder(f.t.Context(), orderID)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, n := range found {
		if n.Channel == channel {
			return n
		}
	}
	f.t.Fatalf("order %s has no %s: %+v", orderID, channel, found)
	return Notification{}
}
