//go:build !race

package app

import (
	"database/sql"
	"math/rand/v2"
	"testing"
	"time"

	"boxoffice/stock"
)

// After a storm of kills orders were cancelled up to 96 s after their deadline, and their tickets came back as late. Two
// processes sell and two make orders; one after the other is killed and started again. No reservation may be held for
// longer than seconds after its deadline, whoever died with it.
func TestUnpaidTicketsComeBackInAStormOfKills(t *testing.T) {
	slow(t)
	const storm, lateMax = 15 * time.Second, 10 * time.Second
	o := newPrograms(t, "BOXOFFICE_PAY_WINDOW", "3s", "BOXOFFICE_SWEEP_GRACE", "1s")
	o.sharedParts()
	roles := []string{"api,stock", "order", "api,stock", "order"}
	programs := make([]program, len(roles))
	for i, role := range roles {
		programs[i] = o.launch("-roles", role)
	}
	o.shop = programs[0].shop
	s := openSale(o, bookPace, programs[0].shop, programs[2].shop)

	var late time.Duration
	anyHeld := func() bool {
		var first sql.NullInt64
		o.read(o.stockDSN, &first, `SELECT MIN(expires_at) FROM reservations WHERE state = ?`, stock.Held)
		if first.Valid {
			late = max(late, time.Since(time.UnixMilli(first.Int64)))
		}
		return first.Valid
	}
	random := rand.New(rand.NewPCG(7, 7))
	for end := time.Now().Add(storm); time.Now().Before(end); {
		i := random.IntN(len(programs))
		programs[i].kill(t)
		programs[i] = o.launch("-roles", roles[i])
		if shop := programs[i].shop; shop != "" {
			s.addShop(shop)
		}
		for calm := time.Now().Add(time.Duration(random.IntN(1500)) * time.Millisecond); time.Now().Before(calm); time.Sleep(50 * time.Millisecond) {
			anyHeld()
		}
	}
	s.close()
	o.shop = programs[0].shop // as it is now
	o.eventually("end of every reservation", func() bool { return !anyHeld() })
	if late > lateMax {
		t.Errorf("tickets came back %v after their deadline, want within %v", late, lateMax)
	}
	s.wantEverythingSettled()
}
