package broker_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// getBrokerConfig is RequestCode.GET_BROKER_CONFIG; only real brokers answer it.
const getBrokerConfig = 26

// getProducerConnectionList is RequestCode.GET_PRODUCER_CONNECTION_LIST, of real brokers only too.
const getProducerConnectionList = 204

// site is the broker that the conformance tests run against: an embedded one,
// or the real one whose nameserver BOXOFFICE_TEST_NAMESRV names. The tests ask
// the same of both. Names of topics and groups are new in every run, so a real
// broker needs no cleaning.
type site struct {
	t          *testing.T
	embedded   *broker.Broker // nil when the broker is real
	nameserver string
	address    string // of the broker
	broker     string
	cluster    string
	run        string
	reading    *wire

	checkAfter    time.Duration
	checkInterval time.Duration
	checkMax      int
}

func newSite(t *testing.T, opts ...broker.Option) *site {
	t.Helper()
	s := &site{t: t, run: strings.ToLower(rand.Text()[:10]), nameserver: realNameserver()}
	if s.nameserver == "" {
		s.checkAfter, s.checkInterval, s.checkMax = time.Second, 600*time.Millisecond, 6
		s.embedded = broker.RunT(t, append([]broker.Option{
			broker.WithTransactionTimeout(s.checkAfter), broker.WithTransactionCheckInterval(s.checkInterval),
			broker.WithTransactionCheckMax(s.checkMax), broker.WithAutoCreateTopics(false),
		}, opts...)...)
		s.nameserver = s.embedded.Addr()
	}
	s.find()
	s.reading = s.wire()
	if s.embedded == nil {
		s.readConfig()
	}
	return s
}

func realNameserver() string {
	first, _, _ := strings.Cut(os.Getenv("BOXOFFICE_TEST_NAMESRV"), ";")
	return first
}

// Addr is the nameserver's address, for clients.
func (s *site) Addr() string { return s.nameserver }

func (s *site) wire() *wire {
	s.t.Helper()
	return dialWire(s.t, s.address)
}

func (s *site) name(what string) string { return "conformance-" + what + "-" + s.run }

// strictJSON quotes the numbers that fastjson writes as keys of maps.
func strictJSON(body []byte) []byte {
	return regexp.MustCompile(`([{,]\s*)(\d+)(\s*:)`).ReplaceAll(body, []byte(`$1"$2"$3`))
}

// find asks the nameserver for the first broker.
func (s *site) find() {
	s.t.Helper()
	f := dialWire(s.t, s.nameserver).mustAsk(remoting.GetBrokerClusterInfo, nil, nil)
	var body struct {
		Brokers map[string]struct {
			Cluster string            `json:"cluster"`
			Addrs   map[string]string `json:"brokerAddrs"`
		} `json:"brokerAddrTable"`
		Clusters map[string][]string `json:"clusterAddrTable"`
	}
	if err := json.Unmarshal(strictJSON(f.Body), &body); err != nil || len(body.Brokers) == 0 {
		s.t.Fatalf("cluster %s: %v", f.Body, err)
	}
	s.broker = slices.Sorted(maps.Keys(body.Brokers))[0]
	one := body.Brokers[s.broker]
	s.cluster, s.address = one.Cluster, one.Addrs["0"]
	if !slices.Contains(body.Clusters[s.cluster], s.broker) || s.address == "" {
		s.t.Fatalf("cluster %s has no broker %s with an address", f.Body, s.broker)
	}
}

// readConfig asks a real broker how it checks transactions back.
func (s *site) readConfig() {
	s.t.Helper()
	set := make(map[string]int)
	lines := bufio.NewScanner(bytes.NewReader(s.reading.mustAsk(getBrokerConfig, nil, nil).Body))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if n, err := strconv.Atoi(value); err == nil {
			set[key] = n
		}
	}
	s.checkAfter = time.Duration(set["transactionTimeOut"]) * time.Millisecond
	s.checkInterval = time.Duration(set["transactionCheckInterval"]) * time.Millisecond
	s.checkMax = set["transactionCheckMax"]
	if s.checkAfter <= 0 || s.checkInterval <= 0 || s.checkMax <= 0 {
		s.t.Fatalf("the broker's configuration does not say how it checks back: %v", set)
	}
}

// topic creates a topic and waits until the nameserver knows it.
func (s *site) topic(what string, queues int) string {
	s.t.Helper()
	name := s.name(what)
	s.create(name, queues)
	return name
}

func (s *site) create(name string, queues int) {
	s.t.Helper()
	s.reading.mustAsk(remoting.UpdateAndCreateTopic, createExt(name, queues), nil)
	ns := dialWire(s.t, s.nameserver)
	eventually(s.t, "route of "+name, func() bool {
		return ns.ask(remoting.GetRouteInfoByTopic, map[string]string{"topic": name}, nil).Code == remoting.Success
	})
}

func createExt(name string, queues int) map[string]string {
	n := strconv.Itoa(queues)
	return map[string]string{
		"topic": name, "defaultTopic": "TBW102", "readQueueNums": n, "writeQueueNums": n, "perm": "6",
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
	}
}

// consumerGroup returns the name of a group whose retry topic exists: a client
// looks for it before its first heartbeat has created it.
func (s *site) consumerGroup(what string) string {
	s.t.Helper()
	group := s.name(what)
	s.create("%RETRY%"+group, 1)
	return group
}

// stored reads everything that consumers can see on the first n queues of a topic.
func (s *site) stored(topic string, n int) []remoting.Message {
	s.t.Helper()
	var list []remoting.Message
	for id := range n {
		list = append(list, s.storedFrom(topic, id, 0)...)
	}
	return list
}

func (s *site) storedFrom(topic string, id int, offset int64) []remoting.Message {
	s.t.Helper()
	var list []remoting.Message
	for {
		ext := pullExt(s.name("reader"), topic, offset, 0)
		ext["sysFlag"], ext["queueId"] = "4", strconv.Itoa(id)
		f := s.reading.ask(remoting.PullMessage, ext, nil)
		switch f.Code {
		case remoting.Success:
			list = append(list, decode(s.t, f.Body)...)
		case remoting.PullNotFound, remoting.TopicNotExist:
			return list
		case remoting.PullOffsetMoved, remoting.PullRetryImmediately:
		default:
			s.t.Fatalf("pull %s/%d at %d: answer %d %q", topic, id, offset, f.Code, f.Remark)
		}
		next, err := strconv.ParseInt(f.Ext["nextBeginOffset"], 10, 64)
		if err != nil || next == offset {
			return list
		}
		offset = next
	}
}

// copies counts the stored messages of a body.
func (s *site) copies(topic string, n int, body string) int {
	s.t.Helper()
	count := 0
	for _, m := range s.stored(topic, n) {
		if string(m.Body) == body {
			count++
		}
	}
	return count
}

// awaitProducer waits until the broker knows a producer of the group.
func (s *site) awaitProducer(group string) {
	s.t.Helper()
	eventually(s.t, "heartbeat of "+group, func() bool {
		if s.embedded != nil {
			return s.embedded.Stats().Frames[remoting.HeartBeat] > 0
		}
		return s.reading.ask(getProducerConnectionList, map[string]string{"producerGroup": group}, nil).Code == remoting.Success
	})
}

// hurry makes the time of an embedded broker pass fifty times as fast, for tests
// that wait for it and measure it only by the broker's own time stamps.
func (s *site) hurry() {
	if s.embedded == nil {
		return
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				s.embedded.Advance(100 * time.Millisecond)
			}
		}
	}()
	s.t.Cleanup(func() {
		close(done)
		<-stopped
	})
}

// settleAtEnd rolls a half message back when the test ends, so that a real
// broker does not go on checking it.
func (s *site) settleAtEnd(group string, sent *remoting.Frame) {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.embedded == nil {
			dialWire(s.t, s.address).ask(remoting.EndTransaction, endExt(s.t, group, sent, remoting.SysFlagRollback), nil)
		}
	})
}
