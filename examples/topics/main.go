// Topics shows why topics are made ahead of the programs that use them, and what happens when they are not.
//
// RocketMQ's default, autoCreateTopicEnable=true, makes a topic when somebody sends to it. That is kind to a misspelt name:
// the message is taken, and nobody will ever read it. So a real broker has it off (docker/broker.conf), and then a sender to
// a topic that is not there hears an error, and a reader of it does not start. An operator makes it, with as many queues as
// readers shall ever share the work of one group:
//
//	sh mqadmin updateTopic -n namesrv:9876 -c DefaultCluster -t reminders -r 4 -w 4
//
// or whoever starts the broker does, as the service "topics" in compose.yaml beside this file. (Boxoffice itself asks for its
// topics at each start, and says in docker/README.md how to make them where it may not.) mqadmin may fail and exit with 0,
// and the Go client's CreateTopic does not read the broker's answer: look whether the topic is there, as this scene does.
// With -namesrv it prints the line, and waits until you have run it; only the misspelt message goes to a broker of its own.
//
// Watch: the misspelt message is lost without an error; the same sender works once the topic is there, and the reader that
// did not start is made anew, and gets what was sent before it (site sets ConsumeFromFirstOffset, as examples/hello does).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	if err := misspell(out); err != nil {
		return err
	}
	topic, group := site.Name(namesrv, "reminders"), site.Name(namesrv, "mailer")
	s, err := site.Start(namesrv) // and no topics
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	till, err := s.NewProducer("till")
	if err != nil {
		return err
	}
	got := make(chan string, 1)
	read := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		got <- string(messages[0].Body)
		return consumer.ConsumeSuccess, nil
	}

	_, err = till.SendSync(context.Background(), primitive.NewMessage(topic, []byte("pay for order 1")))
	if err == nil {
		_, err = fmt.Fprintln(out, "this broker makes topics by itself, misspelt ones too: set autoCreateTopicEnable=false")
		return err
	}
	fmt.Fprintln(out, "no topic: the sender hears:", err)
	_, err = s.NewConsumer(group, topic, consumer.MessageSelector{}, read)
	fmt.Fprintln(out, "no topic: the reader hears:", err)
	queues, err := create(s, topic, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the topic is there, with %d queues\n", queues)
	_, sent := till.SendSync(context.Background(), primitive.NewMessage(topic, []byte("pay for order 2")))
	if _, err = s.NewConsumer(group, topic, consumer.MessageSelector{}, read); sent != nil || err != nil {
		return errors.Join(sent, err)
	}
	reminder, err := site.Receive(got)
	fmt.Fprintln(out, "the reader gets:", reminder)
	return err
}

// misspell sends to a wrong name, on a broker that makes topics by itself.
func misspell(out io.Writer) error {
	b, err := broker.New(broker.WithAutoCreateTopics(true))
	if err != nil {
		return err
	}
	site.Quiet()
	s := &site.Site{Nameservers: []string{b.Addr()}}
	defer func() { _ = errors.Join(s.Close(), b.Close()) }()
	till, err := s.NewProducer("till")
	if err != nil {
		return err
	}
	_, err = till.SendSync(context.Background(), primitive.NewMessage("remindres", []byte("pay for order 0")))
	fmt.Fprintf(out, "remindres, misspelt: the sender hears: %v; messages there for nobody: %d\n", err, len(b.Messages("remindres")))
	return nil
}

// create makes the topic as mqadmin does, or has you make it, and returns its number of queues once it is there.
func create(s *site.Site, topic string, out io.Writer) (queues int, err error) {
	a, err := admin.NewAdmin(admin.WithResolver(s.Resolver()))
	if err != nil {
		return 0, err
	}
	defer func() { _ = a.Close() }()
	if s.Broker == nil {
		line := "sh mqadmin updateTopic -n %s -c DefaultCluster -t " + topic + " -r 4 -w 4\n" // -c is the brokerClusterName
		fmt.Fprintf(out, "run this within five minutes. If your RocketMQ is that of compose.yaml:\n"+
			"  docker compose -f examples/topics/compose.yaml run --rm topics "+line+"else, where it is:\n  "+line, "namesrv:9876", s.Nameservers[0])
	} else if err := a.CreateTopic(context.Background(), admin.WithBrokerAddrCreate(s.Broker.Addr()), admin.WithTopicCreate(topic),
		admin.WithReadQueueNums(4), admin.WithWriteQueueNums(4)); err != nil {
		return 0, err
	}
	for range 150 {
		found, err := a.FetchPublishMessageQueues(context.Background(), topic)
		if err == nil {
			return len(found), nil
		}
		<-time.After(2 * time.Second)
	}
	return 0, errors.New("nobody has made the topic")
}
