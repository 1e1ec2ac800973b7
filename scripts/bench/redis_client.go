package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	redisTimeout  = 10 * time.Second // of one command
	redisBytesMax = 1 << 20          // of one reply's string
)

// errRedisProtocol says that the server did not speak RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec).
var errRedisProtocol = errors.New("not a reply of RESP2")

// redisError is what the server says of a command that it refuses. The connection stays good.
type redisError string

func (e redisError) Error() string { return string(e) }

// redisClient is a bounded pool of connections, each with one command at a time.
type redisClient struct {
	address string
	idle    chan *redisConn
}

type redisConn struct {
	net.Conn // nil until it is first used, and after it broke
	in       *bufio.Reader
	out      []byte
}

func newRedisClient(address string, connections int) *redisClient {
	c := &redisClient{address, make(chan *redisConn, connections)}
	for range connections {
		c.idle <- &redisConn{}
	}
	return c
}

// do sends one command and returns its reply: a string, an int64, or nil for what is not there. The end of ctx ends the
// wait for a connection only. After an error that is no redisError it is not known what the command did.
func (c *redisClient) do(ctx context.Context, args ...string) (any, error) {
	var conn *redisConn
	select {
	case conn = <-c.idle:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { c.idle <- conn }()
	reply, err := conn.do(c.address, args)
	if err == nil {
		return reply, nil
	}
	err = fmt.Errorf("redis %s: %w", args[0], err)
	if _, refused := errors.AsType[redisError](err); refused {
		return nil, err
	}
	return nil, errors.Join(err, conn.drop())
}

// close waits for the commands under way.
func (c *redisClient) close() (err error) {
	for range cap(c.idle) {
		err = errors.Join(err, (<-c.idle).drop())
	}
	return err
}

func (c *redisConn) do(address string, args []string) (any, error) {
	if c.Conn == nil {
		conn, err := net.DialTimeout("tcp", address, redisTimeout)
		if err != nil {
			return nil, err
		}
		c.Conn, c.in = conn, bufio.NewReader(conn)
	}
	c.out = strconv.AppendInt(append(c.out[:0], '*'), int64(len(args)), 10)
	for _, arg := range args {
		c.out = strconv.AppendInt(append(c.out, "\r\n$"...), int64(len(arg)), 10)
		c.out = append(append(c.out, "\r\n"...), arg...)
	}
	c.out = append(c.out, "\r\n"...)
	if err := c.SetDeadline(time.Now().Add(redisTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	return readReply(c.in)
}

func (c *redisConn) drop() (err error) {
	if c.Conn != nil {
		err = c.Close()
		c.Conn = nil
	}
	return err
}

// readReply leaves out the fifth kind, arrays, which no command here is answered with.
func readReply(in *bufio.Reader) (any, error) {
	line, err := in.ReadSlice('\n') // a line that does not fit into the buffer is an error
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return nil, errRedisProtocol
	}
	kind, text := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+':
		return text, nil
	case '-':
		return nil, redisError(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || (kind != ':' && kind != '$') || (kind == '$' && (n < -1 || n > redisBytesMax)):
		return nil, errRedisProtocol
	case kind == ':':
		return n, nil
	case n == -1:
		return nil, nil
	}
	bulk := make([]byte, n+2)
	if _, err := io.ReadFull(in, bulk); err != nil {
		return nil, err
	}
	if bulk[n] != '\r' || bulk[n+1] != '\n' {
		return nil, errRedisProtocol
	}
	return string(bulk[:n]), nil
}
