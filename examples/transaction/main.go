// Transaction: a message that is sent exactly if a database says so.
//
// A shop books a ticket in its own database and tells others by a message. A ticket without a message is never delivered,
// a message without a ticket promises what nobody has. So the message is sent first, as a half message, which no consumer
// sees. Then the local transaction runs, and what it returns makes the message visible or takes it away. If no answer
// arrives, because the shop has died or the network lost it, the broker asks later, and the shop answers from its database:
// not from its memory, which may be that of another process by then.
//
// Watch: order 1 commits, order 2 rolls back, order 3 says nothing. The broker asks for it; 1 and 3 arrive, 2 never does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

// shop is the listener: its booked map stands for a table with the order as its key.
type shop struct {
	mu     sync.Mutex
	booked map[string]bool
	asked  chan string
}

// ExecuteLocalTransaction runs once the broker has stored the half message.
func (s *shop) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := m.GetKeys()
	if order == "order-2" {
		return primitive.RollbackMessageState // sold out
	}
	s.booked[order] = true
	if order == "order-3" {
		return primitive.UnknowState // what the broker has when the shop dies here
	}
	return primitive.CommitMessageState
}

// CheckLocalTransaction answers the broker's question from the database. Before it says rollback, a real shop makes sure
// that no local transaction of the order still runs.
func (s *shop) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.asked <- m.GetKeys():
	default: // asked often enough
	}
	if s.booked[m.GetKeys()] {
		return primitive.CommitMessageState
	}
	return primitive.RollbackMessageState
}

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "tickets-sold")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	got := make(chan string, 16)
	deliver := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		got <- messages[0].GetKeys()
		return consumer.ConsumeSuccess, nil
	}
	if _, err := s.NewConsumer(site.Name(namesrv, "delivery"), topic, consumer.MessageSelector{}, deliver); err != nil {
		return err
	}
	listener := &shop{booked: map[string]bool{}, asked: make(chan string, 16)}
	// Without a retry, because a half message that is sent twice is two.
	options := append(s.ProducerOptions(site.Name(namesrv, "shop")), producer.WithRetry(0))
	p, err := rocketmq.NewTransactionProducer(listener, options...)
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return err
	}
	defer func() { _ = p.Shutdown() }()
	says := map[primitive.LocalTransactionState]string{
		primitive.CommitMessageState: "is booked: commit", primitive.RollbackMessageState: "is sold out: rollback",
		primitive.UnknowState: "is in doubt: the broker will ask",
	}
	for _, order := range []string{"order-1", "order-2", "order-3"} {
		ticket := primitive.NewMessage(topic, []byte("ticket")).WithKeys([]string{order})
		result, err := p.SendMessageInTransaction(context.Background(), ticket)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, order, says[result.State])
	}
	if err := s.CheckBack(); err != nil {
		return err
	}
	for asked := ""; asked != "order-3"; { // others too, if their answers are late
		if asked, err = site.Receive(listener.asked); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "the broker has asked for order-3, and got the answer from the database")
	arrived, err := site.ReceiveSet(got, 2)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "arrived:", strings.Join(arrived, ", "))
	return nil
}
