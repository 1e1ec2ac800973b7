package mq

import (
	"context"
	"net/http/httptrace"
	"time"
)

// dialTimeout is how long the client library may connect to a master for a message. It has one lock for all connections of a
// producer, so that meanwhile nothing is sent to any master, connected or not; a machine that is off answers nothing for as
// long as it is asked. It is less than half of HalfTimeout, so that another master has time to answer.
const dialTimeout = 250 * time.Millisecond

// reachTimeout bounds the look, beside the client library, whether a master can be reached again.
const reachTimeout = time.Second

// dials counts the time in which the client library makes connections for the messages of a producer, and sends nothing.
type dials struct {
	running int
	begun   time.Time     // when the first of those that run was begun
	ended   time.Duration // what those before it took
}

func (d *dials) begin(now time.Time) {
	if d.running++; d.running == 1 {
		d.begun = now
	}
}

func (d *dials) end(now time.Time) {
	if d.running--; d.running == 0 {
		d.ended += now.Sub(d.begun)
	}
}

// took is what all connections have taken so far.
func (d *dials) took(now time.Time) time.Duration {
	if d.running == 0 {
		return d.ended
	}
	return d.ended + now.Sub(d.begun)
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
