package brokertest

import (
	"net"
	"testing"
	"time"

	"boxoffice/broker/remoting"
)

// A broker that was frozen accepts connections and answers nothing: whoever asked for a route through the test's nameserver
// waited for ever, and so did everybody else, behind its lock.
func TestFrozenBrokerIsNotWaitedForToTheEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody takes its connections
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	done := make(chan error, 1)
	go func() {
		_, err := ask(listener.Addr().String(), remoting.NewRequest(remoting.GetRouteInfoByTopic, nil))
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("an answer of nobody")
		}
	case <-time.After(20 * askTimeout):
		t.Fatal("waits for ever")
	}
}
