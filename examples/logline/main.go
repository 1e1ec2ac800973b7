// Logline: many services write what happens to one topic, and whoever wants it reads it there at a pace of its own. The
// index keeps every line, once however often it comes; the alarm is sent the errors alone, by their tag.
//
// Watch: while the index is away for an upgrade, the services write on and the alarm rings on. When the index is back it
// goes on where it stopped: the broker keeps for each consumer group how far it has read, and nobody writes a line again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"golang.org/x/sync/errgroup"

	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic, indexer, ringer := site.Name(namesrv, "log"), site.Name(namesrv, "indexer"), site.Name(namesrv, "ringer")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	index, alarms := make(map[string]bool), make(map[string]bool)
	forIndex, forAlarm := make(chan string, 1000), make(chan string, 1000)
	old, err := read(s, topic, indexer, "*", forIndex)
	if err != nil {
		return fmt.Errorf("start index: %w", err)
	}
	ring, err := read(s, topic, ringer, "ERROR", forAlarm)
	if err != nil {
		return fmt.Errorf("start alarm: %w", err)
	}
	defer func() { _ = ring.Shutdown() }()
	if err := errors.Join(write(s, topic, "morning"), take(index, forIndex, 60), take(alarms, forAlarm, 6)); err != nil {
		return err
	}
	fmt.Fprintf(out, "morning: 60 lines are written; in the index %d, alarms %d\n", len(index), len(alarms))
	if err := errors.Join(old.Shutdown(), write(s, topic, "noon"), take(alarms, forAlarm, 12)); err != nil {
		return err
	}
	fmt.Fprintf(out, "noon, index away: 120 lines are written; in the index %d, alarms %d\n", len(index), len(alarms))
	upgraded, err := read(s, topic, indexer, "*", forIndex)
	if err != nil {
		return fmt.Errorf("start index again: %w", err)
	}
	defer func() { _ = upgraded.Shutdown() }()
	err = take(index, forIndex, 120)
	fmt.Fprintf(out, "index back: in the index %d, alarms %d\n", len(index), len(alarms))
	return err
}

// write has three services write twenty lines each at the same time, of which two are errors.
func write(s *site.Site, topic, when string) error {
	var services errgroup.Group
	for _, service := range []string{"stock", "order", "payment"} {
		services.Go(func() error {
			p, err := rocketmq.NewProducer(producer.WithNsResolver(s.Resolver()), producer.WithInstanceName(s.Instance(service)))
			if err == nil {
				err = p.Start()
			}
			if err != nil {
				return fmt.Errorf("start producer: %w", err)
			}
			for i := range 20 {
				line := primitive.NewMessage(topic, fmt.Appendf(nil, "%s at %s: line %d", service, when, i))
				line.WithTag([]string{"INFO", "ERROR"}[i/18]) // the last two
				_, failed := p.SendSync(context.Background(), line)
				err = errors.Join(err, failed)
			}
			return errors.Join(err, p.Shutdown())
		})
	}
	return services.Wait()
}

// read begins to read lines of some tags, or goes on where the group stopped.
func read(s *site.Site, topic, group, tags string, into chan<- string) (rocketmq.PushConsumer, error) {
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
			into <- string(m.Body)
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: tags}, each); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// take adds what comes until so many different lines are known.
func take(known map[string]bool, from <-chan string, count int) error {
	for len(known) < count {
		select {
		case line := <-from:
			known[line] = true
		case <-time.After(30 * time.Second):
			return fmt.Errorf("%d lines came, %d were expected", len(known), count)
		}
	}
	return nil
}
