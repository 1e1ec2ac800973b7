package mq

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func newClientLogger(level slog.Level) (clientLogger, *bytes.Buffer) {
	var out bytes.Buffer
	return clientLogger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))}, &out
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
	log.Error("conn error, close connection", map[string]any{"underlayError": errors.New("connection reset by peer")})
	log.Warning("producer group is not equal", nil)
	if got := out.String(); !strings.Contains(got, "reset by peer") || !strings.Contains(got, "group is not equal") {
		t.Errorf("log lacks what matters: %s", got)
	}
}
