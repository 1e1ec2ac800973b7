package transport_test

import (
	"net"
	"testing"
	"time"

	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// newConn is a connection that a server serves, and the client's end of it.
func newConn(t *testing.T) (*transport.Conn, net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	c := transport.NewConn(server)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Write() // ends with the connection
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
		_ = client.Close()
	})
	if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, client
}

// Whatever a handler does, the client gets one answer: a handler that fails after it has answered must not answer again.
func TestCallIsAnsweredOnce(t *testing.T) {
	c, client := newConn(t)
	for opaque := range int32(3) {
		call := transport.NewCall(c, &remoting.Frame{Opaque: opaque}, transport.Answered)
		call.Reply(remoting.Success, "first")
		call.Reply(remoting.SystemError, "second")
		call.Silent()
	}
	frames := remoting.NewReader(client)
	for opaque := range int32(3) {
		f, err := frames.Read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Opaque != opaque || f.Code != remoting.Success || f.Remark != "first" {
			t.Errorf("answer %d %q to %d, want the first to %d", f.Code, f.Remark, f.Opaque, opaque)
		}
	}
}

func TestAnswerMeetsItsFate(t *testing.T) {
	c, client := newConn(t)
	transport.NewCall(c, &remoting.Frame{Opaque: 1}, transport.Lost).Reply(remoting.Success, "")
	oneWay := &remoting.Frame{Opaque: 2, Flag: 2}
	transport.NewCall(c, oneWay, transport.Answered).Reply(remoting.Success, "")
	transport.NewCall(c, &remoting.Frame{Opaque: 3}, transport.Answered).Reply(remoting.Success, "")
	frames := remoting.NewReader(client)
	if f, err := frames.Read(); err != nil || f.Opaque != 3 {
		t.Fatalf("got %+v, %v; want the answer to 3 alone", f, err)
	}
	transport.NewCall(c, &remoting.Frame{Opaque: 4}, transport.CutOff).Silent()
	if f, err := frames.Read(); err == nil {
		t.Errorf("got %+v of a connection that is cut off", f)
	}
	select {
	case <-c.Gone():
	default:
		t.Error("the connection does not say that it is gone")
	}
}

func TestShutRefusesConnections(t *testing.T) {
	conns := transport.NewConns()
	open, _ := newConn(t)
	late, _ := newConn(t)
	if !conns.Add(open) {
		t.Fatal("the first connection is refused")
	}
	conns.Shut()
	<-open.Gone()
	if conns.Add(late) {
		t.Error("a connection was taken after Shut")
	}
}
