package mq

import (
	"compress/zlib"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/broker/remoting"
)

const (
	// tryTimeout bounds one send; the client library has the same bound built in.
	tryTimeout = 3 * time.Second
	// maxCalls bounds the calls of the client library that one Sender or Transactor has in flight.
	maxCalls = 1024
)

// producerOptions are the client library's options of every producer. Retries are left to us: the library's reuse the
// message, which makes several half messages of one.
func producerOptions(servers *nameServers, masters *masters, group, instance string) []producer.Option {
	return []producer.Option{
		producer.WithGroupName(group),
		producer.WithInstanceName(instance),
		producer.WithNsResolver(servers),
		producer.WithQueueSelector(masters),
		producer.WithRetry(0),
		producer.WithVIPChannel(false),
		producer.WithCompressLevel(zlib.BestSpeed), // the library's own choice takes four times as long for little less
	}
}

// checkStatus returns nil when the broker has stored a message for good. A flush or a replica that was too slow comes
// with no error of the client library's, which has rolled a half message back then.
func checkStatus(status primitive.SendStatus) error {
	if status != primitive.SendOK {
		return fmt.Errorf("%w: %w: stored with status %d", ErrNotSent, ErrUnavailable, status)
	}
	return nil
}

// notSent wraps an error of the client library's send. A refusal comes as text only ("CODE: 2, DESC: ..."); anything
// else is a matter of the connection, the route or time.
func notSent(err error) error {
	var code int
	if _, scanErr := fmt.Sscanf(err.Error(), "CODE: %d", &code); scanErr == nil && !isTransient(code) {
		return fmt.Errorf("%w: broker refused: %w", ErrNotSent, err)
	}
	return fmt.Errorf("%w: %w: %w", ErrNotSent, ErrUnavailable, err)
}

// isTransient tells the refusals after which another try may succeed.
func isTransient(code int) bool {
	switch code {
	case remoting.SystemError, remoting.SystemBusy, remoting.ServiceNotAvailable,
		// Of a broker that was made read-only before it goes away: another one takes the message. Whoever is forbidden to send
		// at all hears the same code from each, and then no more than others that are refused.
		remoting.NoPermission:
		return true
	}
	return false
}

// recoverSend is deferred by what calls the client library's send, and turns a panic in it into an error.
func recoverSend(log *slog.Logger, err *error) {
	if cause := recover(); cause != nil {
		log.Error("rocketmq client panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		*err = fmt.Errorf("%w: client panicked: %v", ErrNotSent, cause)
	}
}
