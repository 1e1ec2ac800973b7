package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ErrNotSent means that a message is not known to be stored, and for a half message that its local transaction did not
// and will not run. The broker may still have it: consumers are idempotent, and check-backs answer for halves.
var ErrNotSent = errors.New("message not sent")

// ErrUnavailable means that no nameserver or no broker answered, or that they do not serve what was asked for.
var ErrUnavailable = errors.New("message queue unavailable")

// unavailable is ErrUnavailable with its causes, those that there are, in one sentence.
func unavailable(causes ...error) error {
	err := ErrUnavailable
	for _, cause := range causes {
		if cause != nil {
			err = fmt.Errorf("%w: %w", err, cause)
		}
	}
	return err
}

const (
	openTimeout  = 3 * time.Second
	closeTimeout = 10 * time.Second
)

// Config says where the message queue is. Every field but Prefix and Owner is required.
type Config struct {
	// NameServers are the nameservers' addresses, host:port. One that answers is enough; names are resolved again and again.
	NameServers []string
	// Process begins the instance name of every client of this process; it is there for people who read broker logs.
	Process string
	// Prefix is put before the name of every topic and group, so that several systems, or tests, share one cluster and
	// nothing else. At most 32 letters, digits, _ and -; empty by default.
	Prefix string
	// Owner is the id of the system whose processes these are. It goes with every message, and messages of another owner
	// are refused: consumed by nobody here, and left unknown when they are checked back. Empty refuses nothing.
	Owner string
	// Log also gets what the RocketMQ client logs. The client's logger is one per process: that of the first Open.
	Log *slog.Logger
}

// Bus is one process's access to RocketMQ. Make one with Open; its methods may be called concurrently.
type Bus struct {
	log       *slog.Logger
	servers   *nameServers
	prefix    string
	owner     string
	instances *instances
	counters  counters
	routed    sync.Map // topics that were seen to have a route

	mu     sync.Mutex
	closed bool
	opened []func(context.Context) error // ends what was opened, in the order of opening
	once   sync.Once
	err    error
}

// Open resolves the nameservers and returns once one of them knows a broker. It fails with ErrUnavailable within about
// three seconds.
func Open(ctx context.Context, c Config) (*Bus, error) {
	if err := CheckPrefix(c.Prefix); err != nil {
		return nil, err
	}
	bridgeClientGlobals(c.Log)
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	servers, err := newNameServers(c.NameServers)
	if err != nil {
		return nil, err
	}
	if err := servers.refresh(ctx); err != nil {
		return nil, fmt.Errorf("resolve nameservers: %w", err)
	}
	instances, err := newInstances(c.Process)
	if err != nil {
		return nil, fmt.Errorf("name client instances: %w", err)
	}
	b := &Bus{log: c.Log, servers: servers, prefix: c.Prefix, owner: c.Owner, instances: instances}
	if err := b.Ping(ctx); err != nil {
		return nil, err
	}
	if servers.move() {
		b.watchServers(context.WithoutCancel(ctx))
	}
	return b, nil
}

// watchServers keeps looking where the nameservers are until Close.
func (b *Bus) watchServers(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { b.servers.run(ctx) })
	b.opened = append(b.opened, func(context.Context) error { cancel(); watching.Wait(); return nil })
}

// Ping asks the nameservers for the brokers; it fails with ErrUnavailable when none answers or there are no brokers.
func (b *Bus) Ping(ctx context.Context) error {
	brokers, err := b.brokers(ctx)
	if err != nil {
		return fmt.Errorf("ask for brokers: %w", err)
	}
	if len(brokers) == 0 {
		return fmt.Errorf("no broker is registered: %w", ErrUnavailable)
	}
	return nil
}

// Close ends what is still open, the last opened first: consumers are drained, checks and sends in flight are waited
// for. All of it takes about ten seconds at most.
func (b *Bus) Close() error {
	b.once.Do(func() {
		b.mu.Lock()
		b.closed = true
		opened := slices.Clone(b.opened)
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		for _, end := range slices.Backward(opened) {
			b.err = errors.Join(b.err, end(ctx))
		}
	})
	return b.err
}

// adopt makes Close end what has just been opened; after Close it refuses.
func (b *Bus) adopt(end func(context.Context) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("bus is closed: %w", ErrUnavailable)
	}
	b.opened = append(b.opened, end)
	return nil
}
