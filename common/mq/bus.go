package mq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"boxoffice/common/tracing"
)

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
	// Tracer goes on with the traces that messages carry. Nil traces nothing.
	Tracer *tracing.Tracer
}

// Bus is one process's access to RocketMQ. Make one with Open; its methods may be called concurrently.
type Bus struct {
	log       *slog.Logger
	tracer    *tracing.Tracer
	servers   *nameServers
	namespace namespace
	instances *instances
	counters  counters

	mu      sync.Mutex
	closed  bool
	closers []func(context.Context) error // of what was opened, in the order of opening
	once    sync.Once
	err     error // of Close
}

// Open resolves the nameservers and returns once one of them knows a broker. It fails with ErrUnavailable within about
// three seconds.
func Open(ctx context.Context, c Config) (*Bus, error) {
	if err := CheckPrefix(c.Prefix); err != nil {
		return nil, err
	}
	setClientGlobals(c.Log)
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
	b := &Bus{
		log: c.Log, tracer: c.Tracer, servers: servers, namespace: namespace{prefix: c.Prefix, owner: c.Owner}, instances: instances,
	}
	if err := b.Ping(ctx); err != nil {
		return nil, err
	}
	if servers.mayChange() {
		b.refreshServers(context.WithoutCancel(ctx))
	}
	return b, nil
}

// refreshServers keeps the nameservers' addresses up to date until Close.
func (b *Bus) refreshServers(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var refreshing sync.WaitGroup
	refreshing.Go(func() { b.servers.run(ctx) })
	b.closers = append(b.closers, func(context.Context) error { cancel(); refreshing.Wait(); return nil })
}

// Ping asks the nameservers for the brokers; it fails with ErrUnavailable when none answers or there are no brokers.
func (b *Bus) Ping(ctx context.Context) error {
	_, err := b.servers.brokers(ctx)
	return err
}

// Stats reads what this Bus has counted since Open.
func (b *Bus) Stats() Stats { return b.counters.read() }

// Close ends what is still open, the last opened first: consumers are drained, checks and sends in flight are waited
// for. All of it takes about ten seconds at most.
func (b *Bus) Close() error {
	b.once.Do(func() {
		b.mu.Lock()
		b.closed = true
		closers := slices.Clone(b.closers)
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		for _, closer := range slices.Backward(closers) {
			b.err = errors.Join(b.err, closer(ctx))
		}
	})
	return b.err
}

// addCloser makes Close call closer; it fails when Close has been called already.
func (b *Bus) addCloser(closer func(context.Context) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("bus is closed: %w", ErrUnavailable)
	}
	b.closers = append(b.closers, closer)
	return nil
}
