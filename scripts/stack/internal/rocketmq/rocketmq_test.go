package rocketmq

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"boxoffice/broker/remoting"
)

func TestBrokerConf(t *testing.T) {
	conf := brokerConf{
		name: "broker-b", port: 21911, namesrv: "127.0.0.1:19876", store: "/data/broker2",
		checkInterval: 1500 * time.Millisecond, checkTimeout: 6 * time.Second, checkMax: 3,
	}.render()
	set := make(map[string]string)
	for line := range strings.Lines(conf) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if _, twice := set[key]; !ok || twice {
			t.Errorf("line %q: no value, or a second time", line)
		}
		set[key] = value
	}
	for key, want := range map[string]string{
		"brokerName":                  "broker-b",
		"listenPort":                  "21911",
		"brokerIP1":                   "127.0.0.1",
		"bindAddress":                 "127.0.0.1",
		"namesrvAddr":                 "127.0.0.1:19876",
		"storePathRootDir":            "/data/broker2/store",
		"flushDiskType":               "SYNC_FLUSH",
		"transactionCheckInterval":    "1500",
		"transactionTimeOut":          "6000",
		"transactionCheckMax":         "3",
		"transactionOpBatchInterval":  "1500",
		"autoCreateTopicEnable":       "false",
		"autoCreateSubscriptionGroup": "true",
		"cleanFileForciblyEnable":     "false",
	} {
		if set[key] != want {
			t.Errorf("%s = %q, want %q", key, set[key], want)
		}
	}
}

// With RocketMQ's default, inSyncReplicas of 1, a SYNC_MASTER acknowledges what its slave does not have.
func TestMastersOfTheClusterAcknowledgeWhatTwoHave(t *testing.T) {
	for r, want := range map[replica]string{
		alone:        "brokerId=0\nbrokerRole=ASYNC_MASTER\n",
		copied:       "brokerId=0\nbrokerRole=SYNC_MASTER\ninSyncReplicas=2\nslaveTimeout=500\n",
		copyOfMaster: "brokerId=1\nbrokerRole=SLAVE\n",
	} {
		if conf := (brokerConf{replica: r}).render(); !strings.Contains(conf, want) || !strings.Contains(conf, "flushDiskType=SYNC_FLUSH") {
			t.Errorf("replica %d: %s\nwant %s", r, conf, want)
		}
	}
}

// newNameserver answers one request with the given bytes.
func newNameserver(t *testing.T, answer []byte) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		request, err := remoting.NewReader(conn).Read()
		if err != nil || request.Code != remoting.GetBrokerClusterInfo {
			return
		}
		_, _ = conn.Write(answer)
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-served
	})
	return ln.Addr().String()
}

func answerFrame(header, body string) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	return append(frame, header+body...)
}

func TestClusterInfo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	const body = `{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:20911"}}}}`
	got, err := clusterInfo(ctx, newNameserver(t, answerFrame(`{"code":0,"flag":1,"opaque":1}`, body)))
	if err != nil || got != body {
		t.Errorf("clusterInfo = %q, %v; want %q", got, err, body)
	}
	for name, answer := range map[string][]byte{
		"refused":         answerFrame(`{"code":1}`, ""),
		"not json":        answerFrame("HTTP/1.1 400", ""),
		"cut":             answerFrame(`{"code":0}`, body)[:20],
		"huge frame":      {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 2},
		"header beyond":   {0, 0, 0, 8, 0, 0, 0, 9, '{', '}', ' ', ' '},
		"frame too short": {0, 0, 0, 2, 0, 0, 0, 0, 0, 0},
		"header wraps":    {0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, '{', '}', ' ', ' '},
		"nothing":         nil,
	} {
		if body, err := clusterInfo(ctx, newNameserver(t, answer)); err == nil {
			t.Errorf("%s: body %q and no error", name, body)
		}
	}
}
