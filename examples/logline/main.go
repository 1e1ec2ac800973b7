// Logline: many services write what happens, and whoever wants it reads it there, at a pace of its own.
//
// The log is a topic. The index keeps every line, to be searched; the alarm is sent the errors alone, by their tag. The
// services know neither, and a third reader would change nothing for them. The broker keeps for each group how far it has
// read, so a group that was away goes on where it stopped. A line may come twice; the index takes it once, by its name.
//
// Watch: the index goes away for an upgrade. The services write on and the alarm rings on; the index falls behind, and
// catches up when it is back, without anybody writing a line again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, indexers, alarms := site.Name(namesrv, "log"), site.Name(namesrv, "indexers"), site.Name(namesrv, "alarms")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	index := &reader{came: make(chan string, 1024), known: make(map[string]bool)}
	alarm := &reader{came: make(chan string, 1024), known: make(map[string]bool)}
	indexer, err := s.NewConsumer(indexers, topic, consumer.MessageSelector{}, index.handle)
	if err != nil {
		return err
	}
	onlyErrors := consumer.MessageSelector{Type: consumer.TAG, Expression: "ERROR"}
	if _, err := s.NewConsumer(alarms, topic, onlyErrors, alarm.handle); err != nil {
		return err
	}
	services := make(map[string]rocketmq.Producer)
	for _, name := range []string{"stock", "order", "payment"} {
		if services[name], err = s.NewProducer(name); err != nil {
			return err
		}
	}
	say := func(when string, written int) {
		fmt.Fprintf(out, "%s: %d lines written, the index %d behind, %d alarms\n", when, written, written-len(index.known), len(alarm.known))
	}
	if err := write(services, topic, "morning"); err != nil {
		return err
	}
	if err := errors.Join(index.await(60), alarm.await(6)); err != nil {
		return err
	}
	say("morning", 60)
	if err := errors.Join(indexer.Shutdown(), write(services, topic, "noon")); err != nil {
		return err
	}
	if err := errors.Join(alarm.await(12), index.await(60)); err != nil {
		return err
	}
	say("noon, while the index is away", 120)
	if _, err := s.NewConsumer(indexers, topic, consumer.MessageSelector{}, index.handle); err != nil {
		return err
	}
	if err := errors.Join(index.await(120), alarm.await(12)); err != nil {
		return err
	}
	if index.read >= 120+60 {
		return errors.New("the index has begun anew")
	}
	say("evening, when the index is back", 120)
	return nil
}

// write has each service write twenty lines, two of them errors.
func write(services map[string]rocketmq.Producer, topic, when string) error {
	for i := range 20 {
		level := "INFO"
		if i%10 == 0 {
			level = "ERROR"
		}
		for name, p := range services {
			line := primitive.NewMessage(topic, fmt.Appendf(nil, "%s, %s: line %d", name, when, i)).WithTag(level)
			if _, err := p.SendSync(context.Background(), line); err != nil {
				return err
			}
		}
	}
	return nil
}

// reader is what a group has read.
type reader struct {
	came  chan string
	known map[string]bool // the lines, each once
	read  int             // how many came
}

func (r *reader) handle(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	r.came <- string(messages[0].Body)
	return consumer.ConsumeSuccess, nil
}

// await takes what comes until n lines are known, and what else is there.
func (r *reader) await(n int) error {
	for len(r.known) < n || len(r.came) > 0 {
		line, err := site.Receive(r.came)
		if err != nil {
			return err
		}
		r.known[line] = true
		r.read++
	}
	return nil
}
