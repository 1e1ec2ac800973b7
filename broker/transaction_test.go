package broker_test

import (
	"context"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
)

func TestCommitDeliversAndRollbackDoesNot(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	state, seen := primitive.CommitMessageState, 0
	p := newTransactionProducer(t, b, "sellers", listener{
		execute: func(*primitive.Message) primitive.LocalTransactionState {
			if got := len(b.HalfMessages()); got != 1 {
				t.Errorf("half messages during the local transaction: %d, want 1", got)
			}
			if got := bodies(b, "stock"); len(got) != seen {
				t.Errorf("visible during the local transaction: %q, want %d messages", got, seen)
			}
			return state
		},
	})
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("yes"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "committed message", func() bool { return len(b.Messages("stock")) == 1 })

	state, seen = primitive.RollbackMessageState, 1
	if _, err := p.SendMessageInTransaction(context.Background(), primitive.NewMessage("stock", []byte("no"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "rolled back half", func() bool { return len(b.HalfMessages()) == 0 })
	if got := bodies(b, "stock"); len(got) != 1 || got[0] != "yes" {
		t.Fatalf("messages on the topic: %q, want only yes", got)
	}
}
