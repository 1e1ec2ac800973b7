package office

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"boxoffice/backup"
	"boxoffice/common/db"
	"boxoffice/sim/world"
)

// setBack plans, in half of the histories, an operator who makes two backups in a rush and goes back to one of them. The dice are
// of its own, so that the other histories stay as they are.
func (o *office) setBack(dice *rand.Rand, rushes []time.Duration, add func(time.Duration, string, func(context.Context))) {
	if dice.IntN(2) == 0 {
		return
	}
	at := rushes[dice.IntN(len(rushes))]
	for range 2 {
		at += time.Duration(dice.Int64N(int64(15 * time.Minute)))
		add(at, "backup", o.backUp)
	}
	after := at + time.Second + time.Duration(dice.Int64N(int64(40*time.Minute)))
	chosen := dice.IntN(2)
	add(after, "restore", func(ctx context.Context) { o.restore(ctx, chosen) })
}

// backUp copies the databases as they stand, while the processes are at work.
func (o *office) backUp(ctx context.Context) {
	w := o.world
	if w.Without[world.Restored] {
		return
	}
	dir := filepath.Join(o.place, fmt.Sprintf("backup-%d", len(o.backups)))
	if err := takeBackup(ctx, o.dir, dir, w.Now); err != nil {
		o.broken(err)
		return
	}
	o.backups = append(o.backups, backedUp{dir, maps.Clone(o.oracle.promised)})
}

// takeBackup copies the databases in a directory over connections of its own, as the command does.
func takeBackup(ctx context.Context, from, to string, at time.Time) (err error) {
	var copied backup.Office
	for base, d := range map[string]**db.DB{
		world.StockBase: &copied.Stock, world.OrderBase: &copied.Orders, world.TicketsBase: &copied.Tickets,
	} {
		if *d, err = db.Open(ctx, dsn(from, base)); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, (*d).Close()) }()
	}
	_, err = copied.Take(ctx, to, at)
	return err
}

// restore ends all processes, and has them start from a backup with an empty queue: the databases of the time before are lost, and
// so is the log.
func (o *office) restore(ctx context.Context, chosen int) {
	w := o.world
	if w.Without[world.Restored] || len(o.backups) == 0 {
		return
	}
	w.Inject(world.Restored)
	from := o.backups[min(chosen, len(o.backups)-1)]
	for _, p := range o.processes {
		if p != nil {
			p.dead = true
		}
	}
	o.dir = filepath.Join(o.place, "restored")
	if _, err := backup.Restore(ctx, from.dir, o.dir, func() time.Time { return w.Now.Add(o.clocks.database) }); err != nil {
		o.broken(err)
		return
	}
	if !o.seams.keepLog {
		o.bus.LoseLog()
	}
	o.broken(o.oracle.setBack(ctx, o.dir, from.promised))
}

// broken says that the simulation itself does not work.
func (o *office) broken(err error) {
	if err != nil {
		o.err = errors.Join(o.err, err)
		o.world.Fail("the simulation fails: %v", err)
	}
}

// setBack has the oracle go on from databases that were restored. What is in them is promised as before. Of the rest holds what the
// money of a buyer needs, as far as anybody can find it out.
func (k *oracle) setBack(ctx context.Context, dir string, promised map[string]promise) error {
	if err := errors.Join(k.close(), k.open(ctx, dir)); err != nil {
		return err
	}
	k.promised, k.changed = maps.Clone(promised), k.world.Now
	k.orders, k.held = map[string]orderSeen{}, map[string]reservationSeen{}
	for _, o := range k.ordersNow() {
		k.orders[o.ID] = o
	}
	for _, r := range k.reservationsNow() {
		k.held[r.ID] = r
	}
	for request, said := range k.bought {
		if _, exists := k.held[said.orderID]; !exists {
			delete(k.bought, request) // its buyer has to buy again
		}
	}
	for _, one := range k.watches {
		clear(one.low)
	}
	k.lookAtStock()
	k.forget()
	return nil
}

// forget marks the money of which the restored office can know nothing: what a provider had told before, unless it belongs to a
// payment of an order that is still pending, or to one that is still open, for which the office asks; and what went back since.
func (k *oracle) forget() {
	attempts, asked := map[string]bool{}, map[string]bool{}
	for _, a := range selectFrom[struct {
		ID   string `db:"id"`
		Open bool   `db:"open"`
	}](k, world.OrderBase, `SELECT id, state IN ('starting', 'open') AS open FROM payment_attempts`) {
		attempts[a.ID], asked[a.ID] = true, a.Open
	}
	for _, a := range k.provider.Attempts {
		asked[a.ID] = asked[a.ID] || k.orders[a.OrderID].State == "PENDING_PAYMENT"
		a.Forgotten = !attempts[a.ID] && !asked[a.ID]
	}
	recorded := k.ids(`SELECT id FROM payments`)
	for _, p := range k.provider.Payments {
		p.Forgotten = !recorded[p.ID] && !asked[p.AttemptID] && (p.Accepted || p.AttemptID != "")
	}
	byHand := map[string]int64{}
	for _, r := range k.settledByHand() {
		byHand[r.PaymentID] += r.Amount
	}
	for _, p := range k.provider.Payments {
		p.Returned = p.Returned || p.ByHand != byHand[p.ID]
	}
	refunds := k.ids(`SELECT id FROM refunds`)
	for _, r := range k.provider.Refunds {
		id := r.Key
		if len(strings.Split(id, "_")) > 2 { // it was sent under a further key
			id = id[:strings.LastIndex(id, "_")]
		}
		if p := k.provider.Payments[r.PaymentID]; !refunds[id] {
			p.Returned = true
		}
	}
}

// ids are those that a query of the order database finds.
func (k *oracle) ids(query string) map[string]bool {
	found := map[string]bool{}
	for _, id := range selectFrom[string](k, world.OrderBase, query) {
		found[id] = true
	}
	return found
}
