package mq

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// clientGlobalsOnce guards the client library's package variables, its logger and its panic handler: its goroutines read
// them without a lock, so they may be written once only, before the first client exists. What the whole process shares
// needs a guard of the whole process.
var clientGlobalsOnce sync.Once

// setClientGlobals makes the client library log to log, and report panics of its goroutines there.
func setClientGlobals(log *slog.Logger) {
	clientGlobalsOnce.Do(func() {
		log := log.With("component", "rocketmq-client")
		rlog.SetLogger(clientLogger{log, newRepeats()})
		// Without a handler a panic in any goroutine of the client library ends the process.
		primitive.PanicHandler = func(cause any) {
			log.Error("rocketmq client panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	})
}

// clientLogger passes on what the client library logs, as its rlog.Logger.
type clientLogger struct {
	log     *slog.Logger
	repeats *repeats
}

func (l clientLogger) Debug(msg string, fields map[string]any) { l.write(slog.LevelDebug, msg, fields) }

// Info is written at level debug: the client library tells of every heartbeat and offset.
func (l clientLogger) Info(msg string, fields map[string]any) { l.write(slog.LevelDebug, msg, fields) }

func (l clientLogger) Warning(msg string, fields map[string]any) {
	l.write(slog.LevelWarn, msg, fields)
}

func (l clientLogger) Error(msg string, fields map[string]any) { l.write(slog.LevelError, msg, fields) }

// Fatal is written as an error. It does not end the process: that is for main alone.
func (l clientLogger) Fatal(msg string, fields map[string]any) { l.write(slog.LevelError, msg, fields) }

// Level is a setting of the client library's own logger, and changes nothing here.
func (l clientLogger) Level(string) {}

// OutputPath is a setting of the client library's own logger, and changes nothing here.
func (l clientLogger) OutputPath(string) error { return nil }

func (l clientLogger) write(level slog.Level, msg string, fields map[string]any) {
	if msg == "" && len(fields) == 0 {
		return
	}
	if isRoutine(msg, fields) {
		level = slog.LevelDebug
	}
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	attrs := attributes(fields)
	if level >= slog.LevelWarn {
		passes, skipped := l.repeats.pass(msg, time.Now())
		if !passes {
			return
		}
		if skipped > 0 {
			attrs = append(attrs, slog.Int("others_since", skipped))
		}
	}
	l.log.LogAttrs(ctx, level, msg, attrs...) //nolint:sloglint // the message and its keys are the library's
}

// isRoutine tells the errors and warnings of the client library that report everyday business.
func isRoutine(msg string, fields map[string]any) bool {
	switch msg {
	case "executeLocalTransaction but state unexpected": // every rollback, with the whole message
		return true
	case "processQueue is dropped without process consume result.": // every delivery held back by a drain
		return true
	case "do balance in group failed, get consumer id list failed", "connect to namesrv failed.",
		"queryTopicRouteInfoFromServer return nil": // nobody answers, which whoever checks the message queue tells once
		return true
	}
	return isAway(fields[rlog.LogKeyUnderlayError])
}

// isAway tells what the client library reports while a broker or nameserver is away, for every queue every few seconds:
// that it is away is told once, by whoever checks the message queue. Its connections that were idle for 120 s end so, too.
// The library wraps nothing, and passes on some errors as text.
func isAway(cause any) bool {
	if cause == nil {
		return false
	}
	text := fmt.Sprint(cause)
	return slices.ContainsFunc([]string{
		"connection refused", "connection reset", "broken pipe", "use of closed network connection", "no such host", "no route to host",
		"network is unreachable", "i/o timeout", "request timeout", "deadline exceeded", "EOF",
		"the consumer's group info not exist", // of a broker that is back, until the next heartbeat
	}, func(sign string) bool { return strings.Contains(text, sign) })
}

// attributes makes log attributes of the fields that are plain values. Anything else is named by its type only: fields
// hold whole messages, with what buyers sent in them, and live objects that other goroutines write to while they would be
// formatted here.
func attributes(fields map[string]any) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for key, value := range fields {
		switch value := value.(type) {
		case nil:
		case string:
			if key != "request" {
				attrs = append(attrs, slog.String(key, value))
			}
		case error:
			attrs = append(attrs, slog.String(key, value.Error()))
		case time.Duration:
			attrs = append(attrs, slog.Duration(key, value))
		case bool, int, int16, int32, int64, uint, uint32, uint64, float64:
			attrs = append(attrs, slog.Any(key, value))
		case primitive.LocalTransactionState:
			attrs = append(attrs, slog.Int(key, int(value)))
		default:
			attrs = append(attrs, slog.String(key, fmt.Sprintf("%T", value)))
		}
	}
	return attrs
}
