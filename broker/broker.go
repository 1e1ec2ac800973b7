// Package broker is a RocketMQ nameserver and broker in one process and on one
// port, for tests and for single-machine use: it speaks the remoting protocol
// to unmodified clients and keeps what it acknowledges on disk.
//
// Each request has a file named by its code and name, which says what is
// supported; SKIPPED.md says what is not. control.go has fault hooks and the
// clock for tests, inspect.go looks inside, and proxy.go puts the same hooks in
// front of a real RocketMQ.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/broker/internal/commitlog"
)

// housekeepingTick is how often consumer offsets are saved
// (flushConsumerOffsetInterval) and dead clients looked for.
const housekeepingTick = 5 * time.Second

var errOptions = errors.New("invalid broker options")

// Broker is a running nameserver and broker.
type Broker struct {
	opt      options
	log      *slog.Logger
	dir      string
	tempDir  bool
	journal  *commitlog.Log
	listener net.Listener
	host     netip.AddrPort // what routes and message ids carry
	born     int64
	table    map[int]handler

	anyAddress bool // the listener is on all interfaces

	topics  *topics
	offsets *offsets
	halves  *halves
	delays  *delays
	groups  *groups
	locks   *locks
	polls   *longpoll
	conns   connections
	hooks   interceptors
	checker checker
	stats   counters
	failing failures

	advanced     atomic.Int64 // ns that Advance has added to the clock
	deliverTwice atomic.Bool
	opaque       atomic.Int32
	keys         atomic.Uint32
	delivering   sync.Mutex // one delivery pass at a time
	retaining    sync.Mutex // one retention pass at a time

	done      chan struct{}
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// New binds the port, recovers what is in the data directory and starts
// serving. Errors are those of the port, of the file system, and of a
// directory that is damaged or that another broker has open.
func New(opts ...Option) (*Broker, error) {
	opt := defaultOptions()
	for _, o := range opts {
		o(&opt)
	}
	if opt.checkAfter < 0 || opt.checkInterval <= 0 || len(opt.delayLevels) == 0 ||
		len(opt.delayLevels) > maxQueuesPerTopic || opt.maxMessage <= 0 || opt.maxMessage > maxBody {
		return nil, errOptions
	}
	b := &Broker{
		opt: opt, log: opt.logger, dir: opt.dataDir, done: make(chan struct{}),
		halves: newHalves(), delays: newDelays(opt.delayLevels), groups: newGroups(),
		locks: newLocks(), polls: newLongpoll(), conns: connections{open: make(map[*conn]struct{})},
	}
	b.table = b.handlers()
	if err := b.open(); err != nil {
		return nil, errors.Join(err, b.release())
	}
	b.run()
	return b, nil
}

// open prepares the directory, the port and the state.
func (b *Broker) open() error {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "rocketmq-broker-")
		if err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
		b.dir, b.tempDir = dir, true
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	listener, err := net.Listen("tcp", b.opt.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	b.listener = listener
	if err := b.name(); err != nil {
		return err
	}
	b.topics = newTopics(b.path("topics.json"))
	b.offsets = newOffsets(b.path("offsets.json"))
	b.born = b.nowMs()
	b.checker.last = b.Now()
	if err := b.recoverState(); err != nil {
		return err
	}
	b.report("open", b.keepReserve()) // a full disk does not keep a broker from starting
	return nil
}

// name finds the address that clients are told. Message ids can hold only IPv4.
func (b *Broker) name() error {
	b.host = addrPort(b.listener.Addr())
	if b.opt.advertise != "" {
		host, err := netip.ParseAddrPort(b.opt.advertise)
		if err != nil {
			return fmt.Errorf("parse advertised address: %w", err)
		}
		b.host = host
		return nil
	}
	if b.host.Addr().IsUnspecified() {
		b.anyAddress = true
		b.host = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), b.host.Port())
	}
	return nil
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// run starts the goroutines that Close waits for.
func (b *Broker) run() {
	loops := []func(){b.runSchedule, b.runChecker, b.runRetention, b.runHousekeeping, b.servePolls, b.servePolls}
	b.wg.Add(len(loops) + 1)
	for _, loop := range loops {
		go loop()
	}
	go func() {
		defer b.wg.Done()
		b.accept()
	}()
}

// Addr is the ip:port at which clients find nameserver and broker.
func (b *Broker) Addr() string { return b.host.String() }

// Close stops the broker and waits until nothing of it runs. What has been
// acknowledged is on disk before and after. Closing again does nothing.
func (b *Broker) Close() error {
	b.closeOnce.Do(func() {
		// 1. No new connections, and the loops end.
		close(b.done)
		err := b.listener.Close()
		// 2. No new requests; open ones lose their connection, not their effect.
		b.conns.shut()
		b.wg.Wait()
		// 3. What is appended becomes durable, offsets are saved.
		b.closeErr = errors.Join(err, b.offsets.save(), b.release())
	})
	return b.closeErr
}

// Failed is closed when a write or an fsync of the log has failed for good (a
// full disk is waited for). Then nothing can be stored any more, and only a new
// start finds out what is on the disk: the program should end.
func (b *Broker) Failed() <-chan struct{} { return b.journal.Failed() }

// Failure is why Failed is closed, nil before.
func (b *Broker) Failure() error { return b.journal.Failure() }

// release gives back what open has taken, in reverse order.
func (b *Broker) release() error {
	var err error
	if b.journal != nil {
		err = b.journal.Close()
	} else if b.listener != nil {
		err = b.listener.Close()
	}
	if b.tempDir {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	return err
}

// runHousekeeping saves offsets and forgets clients that are gone.
func (b *Broker) runHousekeeping() {
	defer b.wg.Done()
	tick := time.NewTicker(housekeepingTick)
	defer tick.Stop()
	for {
		select {
		case <-b.done:
			return
		case now := <-tick.C:
			b.report("save offsets", b.offsets.save())
			b.notify(b.groups.expire(now.Add(-clientTimeout)))
			b.locks.expire(now)
		}
	}
}

// reportPause is how often the failure of a task is logged that goes on failing.
const reportPause = time.Minute

// failures is when each task that fails was logged last.
type failures struct {
	mu     sync.Mutex
	logged map[string]time.Time
}

// note tells by begins whether a failure is to be logged now, and by ends whether a task that failed before is over it.
func (f *failures) note(what string, err error, now time.Time) (begins, ends bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, failing := f.logged[what]
	if err == nil {
		delete(f.logged, what)
		return false, failing
	}
	if failing && now.Sub(last) < reportPause {
		return false, false
	}
	if f.logged == nil {
		f.logged = make(map[string]time.Time)
	}
	f.logged[what] = now
	return true, false
}

// report logs the failure of something that no client waits for, once a minute
// while it lasts, and that it is over.
func (b *Broker) report(what string, err error) {
	if errors.Is(err, commitlog.ErrClosed) {
		return
	}
	switch begins, ends := b.failing.note(what, err, time.Now()); {
	case begins:
		b.log.Error("a task of the broker failed", "task", what, "error", err)
	case ends:
		b.log.Info("a task of the broker works again", "task", what)
	}
}

// reportEach logs the failure of something for one message.
func (b *Broker) reportEach(what string, err error) {
	if err != nil && !errors.Is(err, commitlog.ErrClosed) {
		b.log.Error("a task of the broker failed", "task", what, "error", err)
	}
}

// uniqueKey makes the UNIQ_KEY of a message whose producer has set none.
func (b *Broker) uniqueKey() string {
	return fmt.Sprintf("%08X%016X%08X", b.host.Addr().As4(), b.born, b.keys.Add(1))
}
