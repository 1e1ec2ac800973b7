package rocketmq

import (
	"context"
	"fmt"
	"net"

	"boxoffice/broker/remoting"
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
	request, err := remoting.AppendFrame(nil, remoting.NewRequest(remoting.GetBrokerClusterInfo, nil))
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	if _, err := conn.Write(request); err != nil {
		return "", fmt.Errorf("ask nameserver: %w", err)
	}
	answer, err := remoting.NewReader(conn).Read()
	if err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	if answer.Code != remoting.Success {
		return "", fmt.Errorf("nameserver answered code %d", answer.Code)
	}
	return string(answer.Body), nil
}
