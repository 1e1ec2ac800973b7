package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
)

const (
	// getBrokerClusterInfo is GET_BROKER_CLUSTER_INFO of RequestCode.java.
	getBrokerClusterInfo = 106
	frameMaxBytes        = 1 << 20
)

// clusterInfo asks a nameserver for its brokers and returns the answer's body,
// which is RocketMQ's own dialect of JSON: object keys may be bare numbers.
func clusterInfo(ctx context.Context, addr string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("connect nameserver: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is owed after the answer
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", fmt.Errorf("set deadline: %w", err)
		}
	}
	if _, err := conn.Write(requestFrame(getBrokerClusterInfo)); err != nil {
		return "", fmt.Errorf("ask nameserver: %w", err)
	}
	code, body, err := readFrame(conn)
	if err != nil {
		return "", err
	}
	if code != 0 {
		return "", fmt.Errorf("nameserver answered code %d", code)
	}
	return body, nil
}

// requestFrame is a request without fields and body: frame length, serializer 0
// (JSON) and header length, header.
func requestFrame(code int) []byte {
	header := fmt.Appendf(nil, `{"code":%d,"language":"GO","version":317,"opaque":1,"flag":0}`, code)
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	return append(frame, header...)
}

func readFrame(r io.Reader) (code int, body string, err error) {
	var sizes [8]byte
	if _, err := io.ReadFull(r, sizes[:]); err != nil {
		return 0, "", fmt.Errorf("read answer: %w", err)
	}
	frameLen := binary.BigEndian.Uint32(sizes[:4])
	headerLen := binary.BigEndian.Uint32(sizes[4:])
	if frameLen > frameMaxBytes || frameLen < 4 || headerLen > frameLen-4 {
		return 0, "", fmt.Errorf("read answer: frame of %d bytes with a header of %d", frameLen, headerLen)
	}
	rest := make([]byte, frameLen-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, "", fmt.Errorf("read answer: %w", err)
	}
	var header struct {
		Code int `json:"code"`
	}
	if err := json.Unmarshal(rest[:headerLen], &header); err != nil {
		return 0, "", fmt.Errorf("decode answer: %w", err)
	}
	return header.Code, string(rest[headerLen:]), nil
}
