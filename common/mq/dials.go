package mq

import (
	"context"
	"net/http/httptrace"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// dialTimeout is how long the client library may connect to a master for a message. It has one lock for all connections of a
// producer, so that meanwhile nothing is sent to any master, connected or not; a machine that is off answers nothing for as
// long as it is asked. It is less than half of HalfTimeout, so that another master has time to answer.
const dialTimeout = 250 * time.Millisecond

// reachTimeout bounds the look, beside the client library, whether a master can be reached again.
const reachTimeout = time.Second

// dials are the connections that the client library makes for the messages of a producer.
type dials struct {
	running int
	by      *primitive.Message // whose connection was begun last
	ended   time.Time          // when the last one ended
}

func (d *dials) begin(message *primitive.Message) {
	d.running++
	d.by = message
}

func (d *dials) end(now time.Time) {
	d.running--
	d.ended = now
}

// heldUp tells whether other messages' connections have kept one from its master since it was begun, and when the last ended.
func (d *dials) heldUp(message *primitive.Message, begun, now time.Time) (until time.Time, held bool) {
	switch {
	case d.by == nil || d.by == message:
		return until, false
	case d.running > 0:
		return now, true
	}
	return d.ended, d.ended.After(begun)
}

// boundDial bounds the connection that the client library may make in ctx, and makes none when begin says so. The library tells
// nobody that it connects, but net.Dialer tells the context.
func boundDial(ctx context.Context, begin func() (goOn bool), end func(error)) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(time.Hour, cancel) // is set when the connection is begun
	timer.Stop()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart: func(string, string) {
			if begin() {
				timer.Reset(dialTimeout)
			} else {
				cancel()
			}
		},
		ConnectDone: func(_, _ string, err error) {
			timer.Stop()
			end(err)
		},
	}), cancel
}
