package stock

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// addReviving puts tickets on sale whose orders may be paid late.
func addReviving(t *testing.T, s *Stock, capacity, limit int64) Screening {
	t.Helper()
	screening := addScreening(t, s, capacity, limit)
	return setLate(t, s, screening.ID, event.LateRevive)
}

func setLate(t *testing.T, s *Stock, screeningID string, policy event.LatePayment) Screening {
	t.Helper()
	screening, err := s.ChangeScreening(t.Context(), screeningID, ScreeningChange{LatePayment: &policy})
	if err != nil || screening.LatePayment != policy {
		t.Fatalf("changed to %q: %+v, %v", policy, screening, err)
	}
	return screening
}

// unpaid buys tickets that go back at their deadline.
func unpaid(t *testing.T, s *Stock, screeningID, buyer string, quantity int64) Reservation {
	t.Helper()
	r := buy(t, s, screeningID, buyer, "k-of-"+buyer, quantity)
	settle(t, s, event.Cancelled, r.ID)
	return r
}

func (o *office) revive(t *testing.T, ids ...string) {
	t.Helper()
	if err := o.publisher.HandleWanted(t.Context(), event.Wanted{OrderIDs: ids}); err != nil {
		t.Fatal(err)
	}
}

// heldAgain is a reservation as it is published once its tickets were taken again at a time.
func heldAgain(r Reservation, at time.Time) event.Order {
	r.LatePayment, r.ExpiresAt = event.LateRevived, at.UnixMilli()
	return r.Order
}

func TestTicketsAreTakenAgainOnce(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 10, 4)
	r := unpaid(t, o.Stock, screening.ID, "alice", 3)
	wantStock(t, o.Stock, screening.ID, 10, 0, 0)
	o.clock.Advance(time.Hour)
	again := event.Reserved{Revived: []event.Order{heldAgain(r, o.clock.Now())}}
	for range 2 {
		o.revive(t, r.ID, r.ID)
		wantStock(t, o.Stock, screening.ID, 7, 3, 0)
	}
	o.wantPublished(t, again, again)
	settle(t, o.Stock, event.Cancelled, r.ID) // from before
	wantStock(t, o.Stock, screening.ID, 7, 3, 0)
	settle(t, o.Stock, event.Paid, r.ID)
	wantStock(t, o.Stock, screening.ID, 7, 0, 3)
	settle(t, o.Stock, event.Cancelled, r.ID)
	settle(t, o.Stock, event.Declined, r.ID)
	wantStock(t, o.Stock, screening.ID, 7, 0, 3)
	settle(t, o.Stock, event.Returned, r.ID)
	wantStock(t, o.Stock, screening.ID, 10, 0, 0)
	o.revive(t, r.ID)
	wantStock(t, o.Stock, screening.ID, 10, 0, 0)
}

// The money has gone back meanwhile: the tickets are for sale again, and are not taken a third time.
func TestDeclinedTicketsComeBackForGood(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 10, 4)
	r := unpaid(t, o.Stock, screening.ID, "alice", 3)
	o.revive(t, r.ID)
	for range 2 {
		settle(t, o.Stock, event.Declined, r.ID)
		wantStock(t, o.Stock, screening.ID, 10, 0, 0)
		o.revive(t, r.ID)
		wantStock(t, o.Stock, screening.ID, 10, 0, 0)
	}
}

// Money came while the message that releases the tickets was on its way: they stay held, and the message comes too late.
func TestTicketsThatAreStillHeldStayHeld(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 3, 0)
	r := buy(t, o.Stock, screening.ID, "alice", "k", 3)
	stale, err := o.planSettlement(t.Context(), map[event.Outcome][]string{event.Cancelled: {r.ID}})
	if err != nil {
		t.Fatal(err)
	}
	o.revive(t, r.ID)
	wantStock(t, o.Stock, screening.ID, 0, 3, 0)
	wantErr(t, inTx(t, o.Stock, stale.apply), db.ErrConflict)
	settle(t, o.Stock, event.Cancelled, r.ID)
	wantStock(t, o.Stock, screening.ID, 0, 3, 0)
	settle(t, o.Stock, event.Declined, r.ID)
	wantStock(t, o.Stock, screening.ID, 3, 0, 0)
}

func TestTicketsThatAreNotToBeHadAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *office, Screening, Reservation){
		"sold out": func(t *testing.T, o *office, s Screening, _ Reservation) { buy(t, o.Stock, s.ID, "bob", "k", 3) },
		"over the limit": func(t *testing.T, o *office, s Screening, _ Reservation) {
			buy(t, o.Stock, s.ID, "alice", "k2", 2)
		},
		"limit was lowered": func(t *testing.T, o *office, s Screening, _ Reservation) { setLimit(t, o.Stock, s.ID, 2) },
		"switched off": func(t *testing.T, o *office, s Screening, _ Reservation) {
			setLate(t, o.Stock, s.ID, event.LateRefund)
		},
		"sold under refund": func(t *testing.T, o *office, _ Screening, r Reservation) {
			exec(t, o.Stock, `UPDATE reservations SET late_payment = '' WHERE order_id = ?`, r.ID)
		},
		"over": func(_ *testing.T, o *office, _ Screening, _ Reservation) { o.clock.Advance(49 * time.Hour) },
		"archived": func(t *testing.T, o *office, s Screening, _ Reservation) {
			o.clock.Advance(archiveAge + 50*time.Hour)
			mustArchive(t, o.Stock, s.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, Options{})
			screening := addReviving(t, o.Stock, 5, 3)
			r := unpaid(t, o.Stock, screening.ID, "alice", 3)
			spoil(t, o, screening, r)
			before, err := o.Screening(t.Context(), screening.ID)
			if err != nil {
				t.Fatal(err)
			}
			o.revive(t, r.ID)
			wantStock(t, o.Stock, screening.ID, before.Available, before.Reserved, before.Sold)
			o.wantPublished(t, event.Reserved{Refused: []string{r.ID}})
		})
	}
}

// What is sold late does not need the sale to be open, nor a limit to have been there when it was bought.
func TestTicketsAreTakenAgainAfterTheSaleAndUnderANewLimit(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 5, 0)
	r := unpaid(t, o.Stock, screening.ID, "alice", 3)
	setLimit(t, o.Stock, screening.ID, 3)
	o.clock.Advance(25 * time.Hour) // the sale is closed, the film has not begun
	o.revive(t, r.ID)
	wantStock(t, o.Stock, screening.ID, 2, 3, 0)
}

// The process died between the commit and its answer, or the answer was lost: the sweeper says it again, as one of tickets
// that were taken again, and the message of the purchase does not.
func TestSweepPublishesWhatWasTakenAgain(t *testing.T) {
	o := newFaultyOffice(t, Options{SweepGrace: 10 * time.Second})
	screening := addReviving(t, o.Stock, 10, 0)
	r, other := unpaid(t, o.Stock, screening.ID, "alice", 1), buy(t, o.Stock, screening.ID, "bob", "k", 1)
	o.clock.Advance(time.Hour)
	taken, err := o.takeAgain(t.Context(), r.ID)
	if err != nil || !taken {
		t.Fatalf("taken %t, %v", taken, err)
	}
	if held, err := o.ReservationsOf(t.Context(), r.ID); err != nil || o.IsStale(held[r.ID]) {
		t.Errorf("%+v is stale at once, %v", held, err)
	}
	at := o.clock.Now()
	o.clock.Advance(10 * time.Second)
	o.wantSwept(t, 2)
	o.wantPublished(t, event.Reserved{Orders: []event.Order{other.Order}, Revived: []event.Order{heldAgain(r, at)}})
}

// Tickets that are sold already are published so: the order database is from a backup.
func TestSoldTicketsThatAreWantedArePublishedAsSold(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 10, 0)
	r := buy(t, o.Stock, screening.ID, "alice", "k", 1)
	settle(t, o.Stock, event.Paid, r.ID)
	o.revive(t, r.ID)
	o.wantPublished(t, event.Reserved{Sold: []event.Order{r.Order}})
}

// The stock database is from a backup and knows nothing of a revival: the paid order is told that its tickets are gone in
// a way that it believes.
func TestPaidOrderIsToldThatItsRevivalIsLost(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 10, 0)
	r := unpaid(t, o.Stock, screening.ID, "alice", 1)
	if err := o.publisher.HandleSettled(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: r.ID, Outcome: event.Paid}}}); err != nil {
		t.Fatal(err)
	}
	r.LatePayment = event.LateRevived
	o.wantPublished(t, event.Reserved{Released: []event.Order{r.Order}})
}

// An archived reservation comes back as it was.
func TestRestoreKeepsWhatBecomesOfLateMoney(t *testing.T) {
	s, c := newStock(t)
	screening := addReviving(t, s, 10, 0)
	r := unpaid(t, s, screening.ID, "alice", 1)
	c.Advance(archiveAge + 50*time.Hour)
	page, err := s.ArchivePage(t.Context(), screening.ID, ArchivedReservation{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	mustArchive(t, s, screening.ID)
	l, _, err := s.TakeArchive(t.Context(), screening.ID, "worker")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RestoreReservations(t.Context(), l, page); err != nil {
		t.Fatal(err)
	}
	if back, err := s.ReservationsOf(t.Context(), r.ID); err != nil || back[r.ID].LatePayment != event.LateRevive {
		t.Errorf("restored %+v, %v", back, err)
	}
}

// Late money of many meets a few tickets that are left, buyers who want the same ones, and settlements: nothing is oversold, and
// who has the tickets has been told so.
func TestTakingAgainNeverOversells(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 12, 2)
	var ids []string
	for i := range 12 {
		ids = append(ids, unpaid(t, o.Stock, screening.ID, fmt.Sprint("late-", i), 1).ID)
	}
	mustSell(t, o.Stock, screening.ID, crowd(7)...)
	var takers sync.WaitGroup
	for i := range 6 {
		takers.Go(func() {
			for n := range ids {
				if err := o.publisher.HandleWanted(t.Context(), event.Wanted{OrderIDs: []string{ids[(n+2*i)%len(ids)]}}); err != nil {
					t.Error(err)
				}
				settle(t, o.Stock, event.Cancelled, ids[(n+i)%len(ids)])
			}
		})
	}
	takers.Wait()
	wantStock(t, o.Stock, screening.ID, 0, 12, 0)
}

func TestCancelledScreeningTakesNoTicketsAgain(t *testing.T) {
	o := newOffice(t, Options{})
	screening := addReviving(t, o.Stock, 10, 4)
	r := unpaid(t, o.Stock, screening.ID, "alice", 3)
	w, err := o.wantedTickets(t.Context(), r.ID)
	if err != nil || !w.canBeHad(o.clock.Now()) {
		t.Fatalf("%+v, %v", w, err)
	}
	if _, err := o.CancelScreening(t.Context(), screening.ID, boss()); err != nil {
		t.Fatal(err)
	}
	o.revive(t, r.ID)
	o.wantPublished(t, event.Reserved{Refused: []string{r.ID}})
	err = o.db.InTx(t.Context(), func(tx *db.Tx) error { return w.take(t.Context(), tx, o.clock.Now(), time.Second) })
	wantErr(t, err, db.ErrConflict) // it was read before
	wantStock(t, o.Stock, screening.ID, 10, 0, 0)
}
