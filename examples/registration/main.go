// Registration shows why a queue answers sooner. Whoever registers gets a mail and an SMS, and each of them takes a second
// to send. Done one after the other, the answer comes after both. With a queue the service stores the user, sends one
// message and answers; mail and SMS are consumers of their own, and follow.
//
// Watch: the answer waits only for storing the user and for one send (the times are on stderr), and the service that
// registers knows neither how a mail is sent nor who else follows. A crash between storing the user and sending the
// message loses mail and SMS: that gap is what a transactional message closes (examples/hello).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/examples/internal/site"
)

const (
	storing  = 10 * time.Millisecond // a user, in a database
	mailing  = time.Second           // a mail, at a server that takes its time
	texting  = time.Second           // an SMS, at a gateway
	patience = 30 * time.Second
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	begin := time.Now()
	work(storing + mailing + texting)
	serial := time.Since(begin)
	fmt.Fprintln(out, "serial: 1 user registered, answered after the mail and the SMS")

	topic := site.Name(namesrv, "registered")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	sent := make(chan string, 100) // "mail to ann"
	for what, takes := range map[string]time.Duration{"mail": mailing, "SMS": texting} {
		c, err := follow(s, topic, site.Name(namesrv, what), func(user string) {
			work(takes)
			sent <- what + " to " + user
		})
		if err != nil {
			return fmt.Errorf("start %s: %w", what, err)
		}
		defer func() { _ = c.Shutdown() }()
	}
	p, err := rocketmq.NewProducer(producer.WithNsResolver(s.Resolver()), producer.WithInstanceName(s.Instance("users")))
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return fmt.Errorf("start producer: %w", err)
	}
	defer func() { _ = p.Shutdown() }()

	users := []string{"ann", "ben", "cat", "dan", "eve"}
	var answers []time.Duration
	for _, user := range users {
		begin := time.Now()
		work(storing)
		if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(user))); err != nil {
			return fmt.Errorf("register %s: %w", user, err) // the user is told, and tries again
		}
		answers = append(answers, time.Since(begin))
	}
	fmt.Fprintf(os.Stderr, "serial: %v; queue: %v\n", serial, answers)
	slices.Sort(answers)
	soon := answers[len(answers)/2] < serial/10 // the median
	fmt.Fprintf(out, "queue: %d users registered, answered in less than a tenth of that time: %t\n", len(users), soon)

	followed := make(map[string]bool) // a set, because a message may be delivered twice
	for len(followed) < 2*len(users) {
		select {
		case what := <-sent:
			followed[what] = true
		case <-time.After(patience):
			return errors.New("a mail or an SMS is missing")
		}
	}
	fmt.Fprintf(out, "queue: %d mails and SMS have followed\n", len(followed))
	return nil
}

// work stands for something that takes its time.
func work(takes time.Duration) { <-time.After(takes) }

// follow starts a consumer group that does its work for each user who has registered.
func follow(s *site.Site, topic, group string, do func(user string)) (rocketmq.PushConsumer, error) {
	if err := s.Groups(group); err != nil {
		return nil, err
	}
	c, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(s.Resolver()), consumer.WithInstance(s.Instance(group)),
		consumer.WithGroupName(group), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return nil, err
	}
	each := func(_ context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range list {
			do(string(m.Body))
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{}, each); err != nil {
		return nil, err
	}
	return c, c.Start()
}
