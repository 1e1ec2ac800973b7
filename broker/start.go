package broker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

var errOptions = errors.New("invalid broker options")

// New binds the port, recovers what is in the data directory and starts
// serving. Errors are those of the port, of the file system, and of a
// directory that is damaged or that another broker has open.
func New(opts ...Option) (*Broker, error) {
	opt := defaultOptions()
	for _, o := range opts {
		o(&opt)
	}
	if !opt.valid() {
		return nil, errOptions
	}
	b := &Broker{
		opt: opt, log: opt.store.Log, done: make(chan struct{}), failures: failures{log: opt.store.Log},
		groups: newGroups(), locks: newLocks(), polls: newLongpoll(), conns: transport.NewConns(),
	}
	b.table = b.requests()
	if err := b.open(); err != nil {
		return nil, errors.Join(err, b.release())
	}
	b.run()
	return b, nil
}

// requests is the table of what clients may ask. Each answers by itself, now or
// later, or returns at once why it cannot.
func (b *Broker) requests() map[int]func(*transport.Call) error {
	return map[int]func(*transport.Call) error{
		remoting.SendMessage:                   b.sendMessage,
		remoting.PullMessage:                   b.pullMessage,
		remoting.QueryConsumerOffset:           b.queryConsumerOffset,
		remoting.UpdateConsumerOffset:          b.updateConsumerOffset,
		remoting.UpdateAndCreateTopic:          b.createTopic,
		remoting.SearchOffsetByTimestamp:       b.searchOffsetByTimestamp,
		remoting.GetMaxOffset:                  b.getMaxOffset,
		remoting.GetMinOffset:                  b.getMinOffset,
		remoting.ViewMessageByID:               b.viewMessageByID,
		remoting.HeartBeat:                     b.heartBeat,
		remoting.UnregisterClient:              b.unregisterClient,
		remoting.ConsumerSendMsgBack:           b.consumerSendMsgBack,
		remoting.EndTransaction:                b.endTransaction,
		remoting.GetConsumerListByGroup:        b.getConsumerListByGroup,
		remoting.LockBatchMQ:                   b.lockBatchMQ,
		remoting.UnlockBatchMQ:                 b.unlockBatchMQ,
		remoting.GetRouteInfoByTopic:           b.getRouteInfoByTopic,
		remoting.GetBrokerClusterInfo:          b.getBrokerClusterInfo,
		remoting.GetAllTopicListFromNameServer: b.getAllTopicList,
		remoting.SendMessageV2:                 b.sendMessageV2,
		remoting.SendBatchMessage:              b.sendBatchMessage,
	}
}

// open prepares the directory, the port and the messages.
func (b *Broker) open() error {
	settings := &b.opt.store
	if settings.Dir == "" {
		dir, err := os.MkdirTemp("", "rocketmq-broker-")
		if err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
		settings.Dir, b.tempDir = dir, true
	}
	if err := os.MkdirAll(settings.Dir, 0o700); err != nil {
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
	b.born = b.nowMs()
	b.checkedAt = b.Now()
	settings.KeepReserve, settings.Host, settings.Now, settings.Arrived = !b.tempDir, b.host, b.Now, b.polls.arrived
	b.store, err = store.Open(*settings)
	var damage *commitlog.CorruptError
	if errors.As(err, &damage) && damage.Behind > 0 {
		return &DamageError{File: damage.File, Bytes: damage.Behind, Cause: damage}
	}
	if err != nil {
		return err
	}
	b.failures.report("open", b.store.KeepReserve()) // a full disk does not keep a broker from starting
	return nil
}

// name finds the address that clients are told. Message ids can hold only IPv4.
func (b *Broker) name() error {
	b.host = transport.AddrPort(b.listener.Addr())
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

// run starts the goroutines that Close waits for.
func (b *Broker) run() {
	for _, loop := range []func(){
		b.deliverDelayed, b.checkTransactions, b.deleteOld, b.housekeeping, b.servePolls, b.servePolls, b.accept,
	} {
		b.wg.Go(loop)
	}
}

// Close stops the broker and waits until nothing of it runs. What has been
// acknowledged is on disk before and after. Closing again does nothing.
func (b *Broker) Close() error {
	b.closeOnce.Do(func() {
		// 1. No new connections, and the loops end.
		close(b.done)
		err := b.listener.Close()
		// 2. No new requests; open ones lose their connection, not their effect.
		b.conns.Shut()
		b.wg.Wait()
		// 3. What is appended becomes durable, offsets are saved.
		b.closeErr = errors.Join(err, b.release())
	})
	return b.closeErr
}

// release gives back what open has taken, in reverse order.
func (b *Broker) release() error {
	var err error
	if b.store != nil {
		err = b.store.Close()
	} else if b.listener != nil {
		err = b.listener.Close()
	}
	if b.tempDir {
		err = errors.Join(err, os.RemoveAll(b.opt.store.Dir))
	}
	return err
}

// RunT starts a broker on a free loopback port with a temporary data directory
// and closes it when the test ends.
func RunT(t TB, opts ...Option) *Broker {
	t.Helper()
	b, err := New(append([]Option{WithDataDir(t.TempDir())}, opts...)...)
	if err != nil {
		t.Fatalf("start broker: %v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Logf("close broker: %v", err)
		}
	})
	return b
}
