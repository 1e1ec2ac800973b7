package transport

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"boxoffice/broker/remoting"
)

// Fate is what becomes of the answer to a request.
type Fate int

const (
	// Answered sends it.
	Answered Fate = iota
	// Lost does not send it.
	Lost
	// CutOff closes the connection instead.
	CutOff
)

// Call is one request on its way through a server. Its handler ends it exactly
// once, with Answer, Reply or Silent, now or later from another goroutine.
type Call struct {
	Conn  *Conn
	Frame *remoting.Frame

	fate  Fate
	ended atomic.Bool
}

// NewCall begins a request, which counts as open until it is ended.
func NewCall(c *Conn, f *remoting.Frame, fate Fate) *Call {
	c.begin()
	return &Call{Conn: c, Frame: f, fate: fate}
}

// Answer sends f as the response of this call.
func (c *Call) Answer(f *remoting.Frame) {
	if c.ended.Swap(true) {
		return
	}
	switch {
	case c.fate == CutOff:
		c.Conn.Close()
	case c.fate == Answered && !c.Frame.IsOneWay():
		c.Conn.Send(f)
	}
	c.Conn.end()
}

// Reply answers with a response code and a remark.
func (c *Call) Reply(code int, remark string) { c.Answer(c.Frame.Reply(code, remark)) }

// ReplyJSON answers 0 with v as the body, or returns why that cannot be encoded.
func (c *Call) ReplyJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	f := c.Frame.Reply(remoting.Success, "")
	f.Body = body
	c.Answer(f)
	return nil
}

// Silent ends a call that has no answer.
func (c *Call) Silent() {
	if c.ended.Swap(true) {
		return
	}
	if c.fate == CutOff {
		c.Conn.Close()
	}
	c.Conn.end()
}
