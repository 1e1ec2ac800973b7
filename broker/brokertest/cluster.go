// Package brokertest gives tests a cluster of embedded brokers: several masters behind one nameserver.
package brokertest

import (
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

const askTimeout = time.Second

// RunCluster starts one broker of each name, and a nameserver that routes to all of them and goes on to do so when one has
// been closed, as a real one does for a while. They end with the test.
func RunCluster(t testing.TB, masters []string, options ...broker.Option) (nameServer string, brokers map[string]*broker.Broker) {
	t.Helper()
	brokers = make(map[string]*broker.Broker)
	s := &server{addresses: map[string]string{}, known: map[string][]queueData{}}
	for _, name := range masters {
		brokers[name] = broker.RunT(t, options...)
		s.addresses[name] = brokers[name].Addr()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start nameserver: %v", err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go s.run(listener)
	return listener.Addr().String(), brokers
}

// server is a nameserver of embedded brokers, each of which knows only itself, by the one name that they all have.
type server struct {
	addresses map[string]string // by broker name

	mu    sync.Mutex
	known map[string][]queueData // what each broker has said last, by its name and topic
}

type queueData struct {
	Broker string `json:"brokerName"`
	Read   int32  `json:"readQueueNums"`
	Write  int32  `json:"writeQueueNums"`
	Perm   int32  `json:"perm"`
}

type brokerData struct {
	Cluster string            `json:"cluster"`
	Broker  string            `json:"brokerName"`
	Addrs   map[string]string `json:"brokerAddrs"`
}

func (s *server) run(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			in := remoting.NewReader(conn)
			for s.serve(conn, in) == nil {
			}
		}()
	}
}

func (s *server) serve(conn net.Conn, in *remoting.Reader) error {
	request, err := in.Read()
	if err != nil {
		return err
	}
	answer := &remoting.Frame{Opaque: request.Opaque, Flag: 1}
	switch request.Code {
	case remoting.GetRouteInfoByTopic:
		queues, masters := s.route(request)
		if len(queues) == 0 {
			answer.Code = remoting.TopicNotExist
			break
		}
		answer.Body, err = json.Marshal(map[string]any{"queueDatas": queues, "brokerDatas": masters})
	case remoting.GetBrokerClusterInfo:
		masters := map[string]brokerData{}
		for name := range s.addresses {
			masters[name] = s.master(name)
		}
		answer.Body, err = json.Marshal(map[string]any{"brokerAddrTable": masters, "clusterAddrTable": map[string]any{}})
	default: // what is not about one broker: the first that answers
		answer.Code = remoting.SystemError
		for _, address := range s.addresses {
			if said, failed := ask(address, request); failed == nil {
				answer.Code, answer.Body = said.Code, said.Body
				break
			}
		}
	}
	if err != nil {
		return err
	}
	wire, err := remoting.AppendFrame(nil, answer)
	if err != nil {
		return err
	}
	_, err = conn.Write(wire)
	return err
}

func (s *server) master(name string) brokerData {
	return brokerData{"cluster", name, map[string]string{"0": s.addresses[name]}}
}

// route asks all brokers for their queues of a topic.
func (s *server) route(request *remoting.Frame) (queues []queueData, masters []brokerData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, address := range s.addresses {
		key := name + " " + request.Ext["topic"]
		if own, err := askQueues(address, request); err == nil {
			s.known[key] = own
		}
		for _, q := range s.known[key] {
			q.Broker = name
			queues = append(queues, q)
		}
		if len(s.known[key]) > 0 {
			masters = append(masters, s.master(name))
		}
	}
	return queues, masters
}

func askQueues(address string, request *remoting.Frame) ([]queueData, error) {
	answer, err := ask(address, request)
	if err != nil {
		return nil, err
	}
	if answer.Code != remoting.Success {
		return nil, errors.New(answer.Remark)
	}
	var said struct {
		Queues []queueData `json:"queueDatas"`
	}
	err = json.Unmarshal(answer.Body, &said)
	return said.Queues, err
}

// ask gives a broker askTimeout to answer: one that a test has frozen would hold up whoever asks for a route.
func ask(address string, request *remoting.Frame) (*remoting.Frame, error) {
	end := time.Now().Add(askTimeout)
	conn, err := (&net.Dialer{Deadline: end}).Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(end); err != nil {
		return nil, err
	}
	wire, err := remoting.AppendFrame(nil, remoting.NewRequest(request.Code, request.Ext))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	return remoting.NewReader(conn).Read()
}
