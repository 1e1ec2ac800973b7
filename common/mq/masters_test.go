package mq_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
	"boxoffice/common/mq"
)

// Codes of answers that say that a message is stored, but not as it should be: the client library rolls a half message back.
const (
	slaveNotAvailable = 11
	flushSlaveTimeout = 12
)

// newCluster is a home of several masters behind one nameserver, which keeps routes to those that have gone, as a real one
// does for a while.
func newCluster(t *testing.T, names ...string) (home, map[string]*broker.Broker) {
	t.Helper()
	if os.Getenv("BOXOFFICE_TEST_NAMESRV") != "" {
		t.Skip("needs a cluster of its own")
	}
	brokers := map[string]*broker.Broker{}
	server := &clusterServer{addresses: map[string]string{}, routes: map[string][]json.RawMessage{}}
	for _, name := range names {
		brokers[name] = broker.RunT(t)
		server.addresses[name] = brokers[name].Addr()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go server.serve(conn)
		}
	}()
	return home{servers: []string{listener.Addr().String()}}, brokers
}

// clusterServer is the nameserver of embedded brokers, each of which knows only itself, under a name that all of them have.
type clusterServer struct {
	addresses map[string]string // by broker name

	mu     sync.Mutex
	routes map[string][]json.RawMessage // what each broker has said of its queues, by broker and topic
}

func (s *clusterServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := remoting.NewReader(conn)
	for {
		request, err := in.Read()
		if err != nil {
			return
		}
		answer := remoting.Frame{Opaque: request.Opaque, Flag: 1}
		answer.Code, answer.Body = s.answer(request)
		wire, err := remoting.AppendFrame(nil, &answer)
		if err != nil {
			return
		}
		if _, err := conn.Write(wire); err != nil {
			return
		}
	}
}

func (s *clusterServer) answer(request *remoting.Frame) (code int, body []byte) {
	type brokerData struct {
		Cluster string            `json:"cluster"`
		Name    string            `json:"brokerName"`
		Addrs   map[string]string `json:"brokerAddrs"`
	}
	table, list, queues := map[string]brokerData{}, []brokerData{}, []map[string]any{}
	for name, address := range s.addresses {
		one := brokerData{"c", name, map[string]string{"0": address}}
		if request.Code == remoting.GetRouteInfoByTopic {
			own := s.queues(name, address, request)
			if own == nil {
				continue
			}
			for _, q := range own {
				q["brokerName"] = name
				queues = append(queues, q)
			}
		}
		table[name], list = one, append(list, one)
	}
	answer := map[string]any{"brokerAddrTable": table, "clusterAddrTable": map[string]any{}}
	switch {
	case request.Code == remoting.GetRouteInfoByTopic && len(queues) == 0:
		return remoting.TopicNotExist, nil
	case request.Code == remoting.GetRouteInfoByTopic:
		answer = map[string]any{"queueDatas": queues, "brokerDatas": list}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return remoting.SystemError, nil
	}
	return remoting.Success, body
}

// queues are what a broker says of its queues of a topic, or said last.
func (s *clusterServer) queues(name, address string, request *remoting.Frame) (queues []map[string]any) {
	var said struct {
		Queues []json.RawMessage `json:"queueDatas"`
	}
	key := name + " " + request.Ext["topic"]
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, err := askBroker(address, request); err == nil && answer.Code == remoting.Success && json.Unmarshal(answer.Body, &said) == nil {
		s.routes[key] = said.Queues
	}
	for _, raw := range s.routes[key] {
		q := map[string]any{}
		if json.Unmarshal(raw, &q) == nil {
			queues = append(queues, q)
		}
	}
	return queues
}

func askBroker(address string, request *remoting.Frame) (*remoting.Frame, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	wire, err := remoting.AppendFrame(nil, remoting.NewRequest(request.Code, request.Ext))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	return remoting.NewReader(conn).Read()
}

// clusterTest is a transactor on two masters, with a hook for the half messages of one topic.
type clusterTest struct {
	home       home
	bus        *mq.Bus
	topic      mq.Topic[order]
	transactor *mq.Transactor
	brokers    map[string]*broker.Broker
	halves     map[string]*atomic.Int32 // sent to each broker
	fault      atomic.Pointer[func(master string) broker.Verdict]
	keys, ends sync.Map // unique key of the last half message by broker, and how a half message ended by unique key
}

func newClusterTest(t *testing.T, check mq.CheckFunc) *clusterTest {
	t.Helper()
	c := &clusterTest{halves: map[string]*atomic.Int32{}}
	c.home, c.brokers = newCluster(t, "m1", "m2")
	c.bus = c.home.open(t)
	c.topic = mq.Topic[order](unique(t))
	if err := c.bus.Provision(t.Context(), []mq.TopicSpec{{Name: string(c.topic), Queues: 4}}, nil); err != nil {
		t.Fatal(err)
	}
	c.transactor = newTransactor(t, c.bus, unique(t), check)
	for name, b := range c.brokers {
		count := new(atomic.Int32)
		c.halves[name] = count
		b.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
			if r.Topic() != string(c.topic) {
				return broker.Pass
			}
			c.keys.Store(name, r.Property(remoting.PropertyUniqueKey))
			count.Add(1)
			if fault := c.fault.Load(); fault != nil {
				return (*fault)(name)
			}
			return broker.Pass
		})
		b.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
			c.ends.Store(r.Ext["transactionId"], r.Ext["commitOrRollback"])
			return broker.Pass
		})
	}
	return c
}

// when decides what becomes of the half messages that reach a master; the others pass.
func (c *clusterTest) when(master string, v broker.Verdict) {
	fault := func(at string) broker.Verdict {
		if at == master {
			return v
		}
		return broker.Pass
	}
	c.fault.Store(&fault)
}

// buyAt buys until a master has got a half message, and tells how long the last purchase took.
func (c *clusterTest) buyAt(t *testing.T, master string) time.Duration {
	t.Helper()
	for range 8 {
		begun, before := time.Now(), c.halves[master].Load()
		c.buy(t)
		if c.halves[master].Load() > before {
			return time.Since(begun)
		}
	}
	t.Fatalf("no half message goes to %s", master)
	return 0
}

func (c *clusterTest) buy(t *testing.T) {
	t.Helper()
	runs := 0
	outcome, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		runs++
		return mq.Commit
	})
	if outcome != mq.Commit || err != nil || runs != 1 {
		t.Fatalf("outcome %d after %d local transactions: %v", outcome, runs, err)
	}
}

func (c *clusterTest) delivered() int {
	total := 0
	for _, b := range c.brokers {
		total += len(b.Messages(string(c.topic)))
	}
	return total
}

// Nine to thirty-eight of a hundred purchases were refused while one master of two refused half messages, since nobody
// asked the other one.
func TestHalfRefusedByAMasterGoesToAnotherAtOnce(t *testing.T) {
	for name, refusal := range map[string]broker.Verdict{
		"replica missing": broker.Fail(broker.SystemError, "in-sync replicas not enough"),
		"stored alone":    broker.Fail(slaveNotAvailable, "the message is on the master alone"),
		"replica late":    broker.Fail(flushSlaveTimeout, "no word of the replica"),
		"busy":            broker.Fail(broker.SystemBusy, "broker busy"),
		"read-only":       broker.Fail(remoting.NoPermission, "the broker's permission is read-only"),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterTest(t, noCheck(t))
			c.when("m1", refusal)
			if took := c.buyAt(t, "m1"); took > 200*time.Millisecond {
				t.Errorf("bought after %v", took)
			}
			// The master that has just refused is not asked again at once.
			asked := c.halves["m1"].Load()
			for range 8 {
				c.buy(t)
			}
			if got := c.halves["m1"].Load(); got != asked {
				t.Errorf("asked %d times more", got-asked)
			}
		})
	}
}

// What every master refuses is refused once by each, and no local transaction runs.
func TestHalfIsTriedOnceAtEachMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	fault := func(string) broker.Verdict { return broker.Fail(broker.SystemError, "in-sync replicas not enough") }
	c.fault.Store(&fault)
	_, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, func(context.Context) mq.Outcome {
		t.Error("local ran")
		return mq.Commit
	})
	if !errors.Is(err, mq.ErrNotSent) || !errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send half: %v", err)
	}
	if a, b := c.halves["m1"].Load(), c.halves["m2"].Load(); a != 1 || b != 1 {
		t.Errorf("tried %d and %d times, want once each", a, b)
	}
}

// A message that is refused for what it is is not offered to every broker.
func TestHalfThatIsIllegalIsTriedOnce(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	fault := func(string) broker.Verdict { return broker.Fail(broker.MessageIllegal, "illegal") }
	c.fault.Store(&fault)
	_, err := mq.SendHalf(t.Context(), c.transactor, c.topic, unique(t), order{"1"}, answer(mq.Commit))
	if !errors.Is(err, mq.ErrNotSent) || errors.Is(err, mq.ErrUnavailable) {
		t.Errorf("send half: %v", err)
	}
	if got := c.halves["m1"].Load() + c.halves["m2"].Load(); got != 1 {
		t.Errorf("tried %d times", got)
	}
}

// A master that dies is in the routes for a while; its connections are refused.
func TestHalfOutlivesTheDeathOfAMaster(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	if err := c.brokers["m1"].Close(); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		c.buy(t)
	}
	if got := c.halves["m2"].Load(); got != 16 {
		t.Errorf("m2 got %d half messages", got)
	}
	// A process that starts now must be known to the one that lives.
	newTransactor(t, c.home.open(t), unique(t), noCheck(t))
}

// A frozen master says nothing: a purchase gave up after 800 ms and was refused.
func TestHalfAtASilentMasterGoesToAnother(t *testing.T) {
	c := newClusterTest(t, noCheck(t))
	c.when("m1", broker.Drop)
	if took := c.buyAt(t, "m1"); took < 200*time.Millisecond {
		t.Errorf("gave up m1 after %v", took)
	}
	for range 8 {
		c.buy(t)
	}
	if got := c.halves["m1"].Load(); got != 1 {
		t.Errorf("the silent master was asked %d times", got)
	}
}
