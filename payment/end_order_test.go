package payment

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/order"
)

// Two connections end the attempts of the same orders, which each of them names in another order: as two lists of payments do, or a
// payment beside a cancellation. Each locks the rows of an order as it comes to them, and were they taken as they are named, each
// would wait for what the other has: one of the two payments would be rolled back as a deadlock. Nobody writes beside another on
// SQLite.
func TestEndOfAttemptsLocksOrdersInOneOrder(t *testing.T) {
	f := newFixture(t)
	if f.db.Name() == "sqlite" {
		if os.Getenv("BOXOFFICE_TEST_MYSQL") != "" {
			t.Fatal("the test database is not the one that was asked for")
		}
		t.Skip("SQLite has one writer")
	}
	var forth, back []string
	if err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
		for i := range 3 * db.InMax / 2 { // more than one statement
			id := fmt.Sprintf("order-%06d", i)
			forth, back = append(forth, id), append([]string{id}, back...)
			if err := insertAttempt(t.Context(), tx, attemptRow{
				ID: "of-" + id, OrderID: id, Provider: "fake", Amount: 1, Currency: "CNY", State: starting,
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		f.exec(`UPDATE payment_attempts SET next_at = ?`, f.now().Add(time.Hour).UnixMilli())
		var running sync.WaitGroup
		for _, ids := range [][]string{forth, back} {
			running.Go(func() {
				runs := 0
				if err := f.db.InTx(t.Context(), func(tx *db.Tx) error {
					runs++
					return order.EndAttempts(t.Context(), tx, ids, f.now().UnixMilli())
				}); err != nil || runs != 1 {
					t.Errorf("round %d: ran %d times, %v", round, runs, err)
				}
			})
		}
		running.Wait()
	}
}
