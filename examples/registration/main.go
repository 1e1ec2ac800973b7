// Registration: whoever registers is answered at once, while mail and SMS take seconds.
//
// Done one after the other, the answer comes after storing the user, the mail and the SMS, and it fails when the mail
// server does. With a queue the service stores the user, sends one message and answers; mail and SMS are groups of their
// own, and follow. The service knows neither how a mail is sent nor who else follows. A crash between storing the user and
// sending the message would lose mail and SMS: that gap is what a transactional message closes (examples/transaction).
//
// Watch: the answer takes some 20 ms instead of two seconds, because it waits only for what the buyer has to wait for; and
// mails and SMS are done no later than before. The times are on the error output.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

const (
	storing = 10 * time.Millisecond // a user, in a database
	mailing = time.Second           // a mail, at a server that takes its time
	texting = time.Second           // an SMS, at a gateway
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "registered")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	sent := make(chan string, 1024)
	for what, takes := range map[string]time.Duration{"mail": mailing, "SMS": texting} {
		handle := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			work(takes)
			sent <- what + " to " + string(messages[0].Body)
			return consumer.ConsumeSuccess, nil
		}
		if _, err := s.NewConsumer(site.Name(namesrv, what), topic, consumer.MessageSelector{}, handle); err != nil {
			return err
		}
	}
	p, err := s.NewProducer("users")
	if err != nil {
		return err
	}

	begin := time.Now()
	work(storing)
	work(mailing)
	work(texting)
	serial := time.Since(begin)
	fmt.Fprintln(out, "one after the other: ann is registered, and answered after her mail and her SMS")

	users := []string{"ben", "cat", "dan", "eve", "fay"}
	var answers []time.Duration
	begin = time.Now()
	for _, user := range users {
		answer, err := register(p, topic, user)
		if err != nil {
			return err
		}
		answers = append(answers, answer)
	}
	slices.Sort(answers)
	median := answers[len(answers)/2] // the first one also opens the connections
	fmt.Fprintf(os.Stderr, "one after the other: answered after %v; with a queue: %v, in the middle %v\n", serial, answers, median)
	fmt.Fprintf(out, "with a queue: %d users are registered\n", len(users))
	fmt.Fprintf(out, "with a queue: answered in less than a tenth of the time: %t\n", median < serial/10)
	followed, err := site.ReceiveSet(sent, 2*len(users))
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "with a queue: the mails and SMS of all are done after %v\n", time.Since(begin))
	fmt.Fprintf(out, "with a queue: %d mails and SMS have followed\n", len(followed))
	return nil
}

// register is the service with a queue. A user who gets an error has no answer, and tries again.
func register(p rocketmq.Producer, topic, user string) (time.Duration, error) {
	begin := time.Now()
	work(storing)
	if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(user))); err != nil {
		return 0, fmt.Errorf("register %s: %w", user, err)
	}
	return time.Since(begin), nil
}

// work stands for something that takes its time.
func work(takes time.Duration) { <-time.After(takes) }
