package broker

import (
	"errors"
	"fmt"
	"strconv"

	"boxoffice/broker/internal/store"
	"boxoffice/broker/internal/transport"
	"boxoffice/broker/remoting"
)

// refusal is an answer that ends a request: a response code and a remark.
type refusal struct {
	code   int
	remark string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with code %d: %s", r.code, r.remark) }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// replyError answers a request with what an error means to a client.
func replyError(c *transport.Call, err error) { c.Answer(failed(c, err)) }

func failed(c *transport.Call, err error) *remoting.Frame {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return c.Frame.Reply(r.code, r.remark)
	case errors.Is(err, store.ErrOversize):
		return c.Frame.Reply(remoting.MessageIllegal, err.Error())
	case errors.Is(err, store.ErrNoQueue), errors.Is(err, errField), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNotMessage),
		errors.Is(err, store.ErrNoRealTopic):
		return c.Frame.Reply(remoting.SystemError, err.Error())
	}
	return c.Frame.Reply(remoting.ServiceNotAvailable, err.Error())
}

// replyDone answers a request that has no result but that it is done, or an error.
func replyDone(c *transport.Call) func(error) {
	return func(err error) {
		if err != nil {
			replyError(c, err)
			return
		}
		c.Reply(remoting.Success, "")
	}
}

// answerOffset answers 0 with an offset field.
func answerOffset(c *transport.Call, offset int64) {
	f := c.Frame.Reply(remoting.Success, "")
	f.Ext["offset"] = strconv.FormatInt(offset, 10)
	c.Answer(f)
}

// notSent answers a send with an error.
func notSent(c *transport.Call, err error) { c.Answer(stampAnswer(failed(c, err))) }
