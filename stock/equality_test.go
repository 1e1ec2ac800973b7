package stock

import (
	"testing"

	"boxoffice/common/event"
)

// MySQL's utf8mb4_bin ignores spaces at the end, so the subject "alice " read and cancelled the orders of alice, and a
// buyer could make whole lists of purchases conflict for ever: two keys of this process were one to the database.
// Identifiers are equal when their bytes are.
func TestIdentifiersThatDifferByASpaceAreTwo(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 3)
	bought := buy(t, s, screening.ID, "alice", "k", 2)
	other := buy(t, s, screening.ID, "alice ", "k", 3)
	if other.ID == bought.ID {
		t.Fatal("two buyers have one order")
	}
	_, err := s.Reservation(t.Context(), "alice ", bought.ID)
	wantErr(t, err, ErrReservationAbsent)
	_, err = s.Reservation(t.Context(), "alice", bought.ID+" ")
	wantErr(t, err, ErrReservationAbsent)
	_, err = s.Screening(t.Context(), screening.ID+" ")
	wantErr(t, err, ErrScreeningNotFound)
	settle(t, s, event.Cancelled, bought.ID+" ")
	wantStock(t, s, screening.ID, 5, 5, 0)
	settle(t, s, event.Cancelled, bought.ID)
	wantStock(t, s, screening.ID, 7, 3, 0)
}
