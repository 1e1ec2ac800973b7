package broker_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// codes are all requests the broker knows and some it does not.
func codes() []int {
	return []int{10, 11, 12, 14, 15, 17, 29, 30, 31, 33, 34, 35, 36, 37, 38, 41, 42, 105, 106, 206, 310, 320, 324, 0, -1, 1 << 30}
}

func fieldNames() []string {
	return []string{
		"producerGroup", "topic", "defaultTopicQueueNums", "queueId", "sysFlag", "bornTimestamp", "flag", "properties",
		"reconsumeTimes", "maxReconsumeTimes", "batch", "a", "b", "d", "e", "f", "g", "h", "i", "j", "l", "m",
		"consumerGroup", "queueOffset", "maxMsgNums", "commitOffset", "suspendTimeoutMillis", "subscription", "subVersion",
		"group", "offset", "delayLevel", "tranStateTableOffset", "commitLogOffset", "commitOrRollback", "clientID",
		"readQueueNums", "writeQueueNums", "perm", "timestamp", "fromTransactionCheck",
	}
}

// Whatever fields and bodies a client sends, the broker answers or closes the
// connection, and goes on serving others.
func TestAnyRequestIsSurvived(t *testing.T) {
	b := broker.RunT(t, broker.WithNoSync())
	newTopic(t, b, "t", 2)
	newWire(t, b).sendHalf("t", "g", "half", nil)
	values := []string{"0", "1", "-1", "2", "8", "12", "15", "t", "g", "true", "9223372036854775807", "-9223372036854775808",
		"2147483648", "", "TRAN_MSG\x01true\x02PGROUP\x01g", "DELAY\x01-3", "DELAY\x0199999999999", "%RETRY%", "%RETRY%g",
		"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "\xff\xfe", "\x01\x02\x01", "*", "a||b"}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWire(t, b)
		defer func() { _ = w.conn.Close() }()
		for range rapid.IntRange(1, 10).Draw(rt, "requests") {
			ext := rapid.MapOf(rapid.SampledFrom(fieldNames()), rapid.SampledFrom(values)).Draw(rt, "ext")
			if ext["suspendTimeoutMillis"] != "" {
				ext["suspendTimeoutMillis"] = "1"
			}
			body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "body")
			w.send(rapid.SampledFrom(codes()).Draw(rt, "code"), ext, body)
		}
		w.mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
	})
}

func TestGarbageClosesOnlyItsConnection(t *testing.T) {
	b := broker.RunT(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 8+random.IntN(200))
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 { // a plausible length, so that the header is looked at
			binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
			binary.BigEndian.PutUint32(raw[4:], uint32(random.IntN(len(raw))))
		}
		if _, err := conn.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the broker neither answers nor closes: % x", raw)
			}
		}
		_ = conn.Close()
	}
	newWire(t, b).mustAsk(remoting.GetMaxOffset, map[string]string{"topic": "t", "queueId": "0"}, nil)
}
