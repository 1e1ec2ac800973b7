package mq

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"boxoffice/broker/remoting"
)

// newServer answers the first request of each connection with wire, and closes the connection.
func newServer(t *testing.T, wire []byte) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		if _, err := remoting.NewReader(conn).Read(); err == nil {
			_, _ = conn.Write(wire)
		}
		_ = conn.Close()
	})
}

// listen hands over each connection that is made to the address that it returns.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	acceptAll(t, listener, serve)
	return listener.Addr().String()
}

// acceptAll hands over each connection of a listener until the test ends.
func acceptAll(t *testing.T, listener net.Listener, serve func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
}

func TestExchangeReturnsTheAnswer(t *testing.T) {
	wire, err := remoting.AppendFrame(nil, &remoting.Frame{
		Code: remoting.QueryNotFound, Opaque: 1, Flag: 1, Remark: "none", Ext: map[string]string{"offset": "7"}, Body: []byte("body"),
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := exchange(t.Context(), newServer(t, wire), remoting.GetMaxOffset, map[string]string{"topic": "t"})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Code != 22 || answer.Remark != "none" || answer.Ext["offset"] != "7" || string(answer.Body) != "body" {
		t.Errorf("answer %+v", answer)
	}
}

// A peer that is not a broker, an HTTP server say, is one that is away.
func TestExchangeRefusesWhatIsNoAnswer(t *testing.T) {
	tooLong := binary.BigEndian.AppendUint32(nil, remoting.MaxFrameBytes+1)
	for name, wire := range map[string][]byte{
		"http":               []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"too long":           append(tooLong, 0, 0, 0, 2, '{', '}'),
		"header past frame":  {0, 0, 0, 6, 0, 0, 0, 9, '{', '}'},
		"unknown serializer": {0, 0, 0, 6, 2, 0, 0, 2, '{', '}'},
		"cut":                {0, 0, 0, 6, 0, 0, 0, 2, '{'},
		"header is not JSON": {0, 0, 0, 6, 0, 0, 0, 2, '{', '{'},
		"nothing":            nil,
	} {
		if answer, err := exchange(t.Context(), newServer(t, wire), remoting.GetBrokerClusterInfo, nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %+v, %v, want ErrUnavailable", name, answer, err)
		}
	}
}
