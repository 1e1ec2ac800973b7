package traffic

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"
)

const (
	readBuffer      = 16 << 10 // a header line may not be longer
	headerLinesMax  = 100
	answerBytesMax  = 1 << 20
	dialTimeout     = 5 * time.Second
	statusLineBytes = len("HTTP/1.1 200")
)

var (
	errMalformed = errors.New("answer is not HTTP/1.1 with a Content-Length")
	errTooLarge  = errors.New("answer is too large")
)

// Conn is one buyer's keep-alive connection. It speaks as much HTTP/1.1 as a purchase needs: net/http's client costs
// more than the server that is measured, and would share its processors. A Conn is for one goroutine.
type Conn struct {
	shop    *url.URL
	timeout time.Duration
	conn    net.Conn
	in      *bufio.Reader
	body    []byte
}

// Answer is what came back. Body is valid until the next Do.
type Answer struct {
	Status   int
	Location string // the header
	Body     []byte
}

// NewConn returns a connection to shop that is dialed at the first Do, and again after an error. timeout bounds one Do.
func NewConn(shop *url.URL, timeout time.Duration) *Conn {
	return &Conn{shop: shop, timeout: timeout, in: bufio.NewReaderSize(nil, readBuffer)}
}

// Close closes the connection; the next Do would dial again.
func (c *Conn) Close() {
	if c.conn != nil {
		// Nothing is lost with a connection whose answers are read.
		_ = c.conn.Close()
		c.conn = nil
	}
}

// Do sends a whole request and reads its answer. After an error the request may have been done or not. The end of ctx
// keeps a request from starting; one that has started takes until the timeout at most.
func (c *Conn) Do(ctx context.Context, request []byte) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	if c.conn == nil {
		if err := c.dial(ctx); err != nil {
			return Answer{}, fmt.Errorf("dial: %w", err)
		}
	}
	answer, keep, err := c.exchange(request)
	if err != nil || !keep {
		c.Close()
	}
	return answer, err
}

func (c *Conn) dial(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address, dial := c.shop.Host, new(net.Dialer).DialContext
	port := "80"
	if c.shop.Scheme == "https" {
		port, dial = "443", (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext
	}
	if c.shop.Port() == "" {
		address = net.JoinHostPort(c.shop.Hostname(), port)
	}
	if c.conn, err = dial(ctx, "tcp", address); err != nil {
		c.conn = nil
		return err
	}
	c.in.Reset(c.conn)
	return nil
}

func (c *Conn) exchange(request []byte) (answer Answer, keep bool, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return answer, false, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return answer, false, fmt.Errorf("write request: %w", err)
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return answer, false, fmt.Errorf("read status: %w", err)
	}
	if answer.Status, err = parseStatus(line); err != nil {
		return answer, false, err
	}
	length, keep, err := c.readHeader(&answer)
	if err != nil {
		return answer, false, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	answer.Body = c.body[:length]
	if _, err := io.ReadFull(c.in, answer.Body); err != nil {
		return answer, false, fmt.Errorf("read body: %w", err)
	}
	return answer, keep, nil
}

func parseStatus(line []byte) (int, error) {
	if len(line) < statusLineBytes || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, errMalformed
	}
	status, err := strconv.Atoi(string(line[len("HTTP/1.1 "):statusLineBytes]))
	if err != nil || status < 200 {
		return 0, errMalformed
	}
	return status, nil
}

// readHeader reads to the empty line and picks what matters here.
func (c *Conn) readHeader(answer *Answer) (length int, keep bool, err error) {
	length, keep = -1, true
	for range headerLinesMax {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, false, fmt.Errorf("read header: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if length < 0 {
				return 0, false, errMalformed
			}
			return length, keep, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, false, errMalformed
			}
			if length > answerBytesMax {
				return 0, false, errTooLarge
			}
		case bytes.EqualFold(name, []byte("Location")):
			answer.Location = string(value)
		case bytes.EqualFold(name, []byte("Connection")):
			keep = !bytes.EqualFold(value, []byte("close"))
		}
	}
	return 0, false, errTooLarge
}
