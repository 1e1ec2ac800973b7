package mq

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func newClientLogger(level slog.Level) (clientLogger, *bytes.Buffer) {
	var out bytes.Buffer
	return clientLogger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})), newRepeats()}, &out
}

// The client logs the whole message of every rollback at level error: buyers' orders end up in the log.
func TestClientLoggerNeverWritesMessages(t *testing.T) {
	log, out := newClientLogger(slog.LevelDebug)
	secret := primitive.NewMessage("topic", []byte("secret-body"))
	extended := &primitive.MessageExt{Message: primitive.Message{Topic: "topic", Body: []byte("secret-body")}}
	log.Error("executeLocalTransaction but state unexpected", map[string]any{
		"localState": primitive.RollbackMessageState, "message": secret,
	})
	log.Warning("something", map[string]any{
		"messages": []*primitive.MessageExt{extended}, "one": extended, "request": "secret-body",
	})
	log.Fatal("fatal", map[string]any{"underlayError": errors.New("no disk")})
	if got := out.String(); strings.Contains(got, "secret") {
		t.Errorf("log has the body: %s", got)
	} else if !strings.Contains(got, "localState=2") || !strings.Contains(got, `underlayError="no disk"`) {
		t.Errorf("log lacks the plain fields: %s", got)
	}
}

func TestClientLoggerDemotesEverydayNoise(t *testing.T) {
	log, out := newClientLogger(slog.LevelInfo)
	log.Info("the MessageQueue changed", nil)
	log.Error("executeLocalTransaction but state unexpected", nil)
	log.Error("conn error, close connection", map[string]any{"underlayError": os.ErrDeadlineExceeded})
	log.Warning("processQueue is dropped without process consume result.", nil)
	log.Error("", nil)
	if out.Len() > 0 {
		t.Errorf("log has noise: %s", out)
	}
	log.Warning("update offset to broker error", map[string]any{"underlayError": "dial tcp 127.0.0.1:9876: connect: connection refused"})
	if out.Len() > 0 {
		t.Errorf("log repeats an outage for every queue: %s", out)
	}
	log.Error("send message back error", map[string]any{"underlayError": errors.New("CODE: 16, DESC: no permission")})
	log.Warning("producer group is not equal", nil)
	if got := out.String(); !strings.Contains(got, "no permission") || !strings.Contains(got, "group is not equal") {
		t.Errorf("log lacks what matters: %s", got)
	}
}

// After an outage of a broker the client reported 75 times in six seconds that it could not pull, for every queue in turn.
func TestClientLoggerRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := newClientLogger(slog.LevelInfo)
		for range 75 {
			log.Warning("pull message from broker error", map[string]any{"underlayError": errors.New("CODE: 16, DESC: no permission")})
		}
		log.Warning("producer group is not equal", nil)
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("%d lines for two messages:\n%s", n, out)
		}
		time.Sleep(repeatPause)
		log.Warning("pull message from broker error", nil)
		if !strings.Contains(out.String(), "others_since=74") {
			t.Errorf("the log does not say how many there were:\n%s", out)
		}
	})
}
