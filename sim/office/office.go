package office

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/sim/world"
	"boxoffice/sql"
	"boxoffice/stock"
)

// office is the system that is simulated: processes over one queue, three databases and one payment provider, and those who
// look at it from outside.
type office struct {
	parts
	processes []*process // nil while one is down
	lives     []int
	oracle    *oracle
	place     string // of all its files
	backups   []backedUp
	err       error // of the simulation itself
}

// templates are empty databases with their schemas, of which each history gets a copy.
type templates map[string]string // files by base

// newTemplates makes the templates in a directory.
func newTemplates(ctx context.Context, dir string) (templates, error) {
	made := templates{}
	schemas := map[string]func() (fs.FS, error){world.StockBase: sql.Stock, world.OrderBase: sql.Order, world.TicketsBase: sql.Tickets}
	for base, schema := range schemas {
		made[base] = filepath.Join(dir, "template-"+base+".db")
		d, err := openMigrated(ctx, "sqlite:"+made[base], schema)
		if err != nil {
			return nil, err
		}
		if err := d.Close(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// openOffice opens an office in a directory of its own.
func openOffice(ctx context.Context, w *world.World, dir string, from templates, planted Seams) (*office, error) {
	o := &office{
		parts:     parts{world: w, bus: world.NewBus(w), provider: world.NewBook(w), clocks: newClocks(w), seams: planted, dir: dir},
		processes: make([]*process, processes), lives: make([]int, processes), place: dir,
	}
	o.committed = o.lookAt
	for base, file := range from {
		if err := copyFile(file, filepath.Join(dir, base+".db")); err != nil {
			return nil, err
		}
	}
	o.bus.Subscribe(string(event.StockReserved), event.GroupCreate)
	o.bus.Subscribe(string(event.PaymentDue), event.GroupTimeout)
	o.bus.Subscribe(string(event.OrderSettled), event.GroupSettle)
	o.bus.Subscribe(string(event.OrderSettled), event.GroupTickets)
	o.bus.Subscribe(string(event.TicketsWanted), event.GroupRevive)
	o.bus.Deliver, o.bus.Check, o.bus.Decided = o.deliver, o.check, func(h *world.Half) { o.oracle.halfDecided(h) }
	if err := o.openOracle(ctx); err != nil {
		return nil, err
	}
	for i := range o.processes {
		if err := o.startAt(ctx, i); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return o, nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// openOracle opens the databases for the oracle.
func (o *office) openOracle(ctx context.Context) error {
	o.oracle = newOracle(o.world, o.bus, o.provider)
	if err := o.oracle.open(ctx, o.dir); err != nil {
		return errors.Join(err, o.oracle.close())
	}
	return nil
}

// open opens the databases in a directory for the oracle.
func (k *oracle) open(ctx context.Context, dir string) error {
	for _, base := range []string{world.StockBase, world.OrderBase, world.TicketsBase} {
		d, err := openQuiet(ctx, dsn(dir, base))
		if err != nil {
			return err
		}
		k.bases[base] = d
	}
	return nil
}

// lookAt looks at a database in which a process has committed.
func (o *office) lookAt(p *process, base string) {
	o.oracle.look(deed{p.began, min(p.found, o.clocks.database), p.trusted, p.clock.Sure}, base)
}

func (o *office) close() error {
	var err error
	for _, p := range o.processes {
		if p != nil {
			err = errors.Join(err, p.close())
		}
	}
	return errors.Join(err, o.oracle.close(), o.oracle.err, o.err)
}

// startAt starts a process that is down.
func (o *office) startAt(ctx context.Context, index int) error {
	o.lives[index]++
	p, err := startProcess(ctx, &o.parts, index, o.lives[index])
	if err != nil {
		return fmt.Errorf("start process %d: %w", index, err)
	}
	o.processes[index] = p
	o.work(p)
	return nil
}

// bury takes away what a process had in memory. Another one is started after a while.
func (o *office) bury() {
	for i, p := range o.processes {
		if p == nil || !p.dead || o.world.Busy[i] {
			continue
		}
		if err := p.close(); err != nil {
			o.err = errors.Join(o.err, err)
		}
		o.processes[i] = nil
		o.world.Note("process %d is gone", i)
		o.world.After(o.world.Between(time.Second, 90*time.Second), fmt.Sprintf("start process %d.%d", i, o.lives[i]+1), world.Anybody,
			func(ctx context.Context) {
				if err := o.startAt(ctx, i); err != nil {
					o.err = errors.Join(o.err, err)
					o.world.Fail("a process does not start: %v", err)
				}
			})
	}
}

// pick returns a process that has time, or nil.
func (o *office) pick() *process {
	var free []*process
	for i, p := range o.processes {
		if p != nil && !p.dead && !o.world.Busy[i] {
			free = append(free, p)
		}
	}
	if len(free) == 0 {
		return nil
	}
	return free[o.world.Random.IntN(len(free))]
}

// with has a process do something within the event that runs. What it has queued is sent soon after.
func (o *office) with(p *process, do func()) {
	o.world.Busy[p.index], p.began, p.found, p.trusted = true, o.world.Now, o.clocks.database, p.believed
	do()
	delete(o.world.Busy, p.index)
	if p.dead || p.publishing {
		return
	}
	p.publishing = true
	w := o.world
	w.After(w.Between(0, 2*time.Second), fmt.Sprintf("publish of %d.%d after %s", p.index, p.life, world.Short(w.Event)), p.index,
		func(ctx context.Context) {
			p.publishing = false
			if _, err := p.orders.PublishQueued(ctx); err != nil && !p.dead {
				w.Note("publish fails: %v", err)
			}
		})
}

// deliver hands a message to a member of a group.
func (o *office) deliver(ctx context.Context, group string, m *world.Message) (handled bool, err error) {
	p := o.pick()
	if p == nil {
		return false, nil
	}
	o.with(p, func() { err = p.handle(ctx, group, m) })
	if group == o.seams.swallow {
		return true, nil
	}
	return !p.dead, err
}

// check asks a producer about a half message.
func (o *office) check(ctx context.Context, h *world.Half) (outcome mq.Outcome) {
	p := o.pick()
	if p == nil {
		return mq.Unknown
	}
	o.with(p, func() {
		outcome = o.seams.check(ctx, o.oracle.fence, p.stock, mq.Half{Topic: h.Topic, TxID: h.TxID, Body: h.Body, Born: h.Born, Checks: h.Checks})
	})
	if p.dead {
		return mq.Unknown
	}
	return outcome
}

// job is work that a process does again and again.
type job struct {
	name string
	do   func(ctx context.Context, p *process) error
}

func jobs() []job {
	return []job{
		{"sweep", func(ctx context.Context, p *process) error { _, err := p.sweeper.Sweep(ctx); return err }},
		{"payments", func(ctx context.Context, p *process) error { return p.payments.Work(ctx) }},
		{"cancellations", func(ctx context.Context, p *process) error {
			for {
				if worked, err := p.canceller.Step(ctx); err != nil || !worked {
					return err
				}
			}
		}},
	}
}

// work begins the jobs of a process. They end with it.
func (o *office) work(p *process) {
	for _, j := range jobs() {
		if o.seams.idle != j.name {
			o.repeat(p, j, 0)
		}
	}
}

func (o *office) repeat(p *process, j job, round int) {
	w := o.world
	key := fmt.Sprintf("%s of %d.%d #%d", j.name, p.index, p.life, round)
	w.After(o.pause(w.Dice(key+" when").Int64N), key, p.index, func(ctx context.Context) {
		if o.processes[p.index] != p || p.dead {
			return
		}
		if err := j.do(ctx, p); err != nil && !p.dead && !errors.Is(err, stock.ErrUnavailable) {
			w.Note("%s fails: %v", j.name, err)
		}
		if !p.dead {
			o.repeat(p, j, round+1)
		}
	})
}

// pause is how long a job rests: less while there is something going on.
func (o *office) pause(below func(int64) int64) time.Duration {
	if o.oracle.quiet() {
		return 10*time.Minute + time.Duration(below(int64(20*time.Minute)))
	}
	return 3*time.Second + time.Duration(below(int64(50*time.Second)))
}
