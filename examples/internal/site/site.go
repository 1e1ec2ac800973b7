// Package site gives the examples their RocketMQ: an embedded broker that lives as long as the example, or a real one that
// runs already. What it does is what an operator does elsewhere, so that an example shows nothing but its scene.
package site

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/common/mq"
)

const (
	queuesPerTopic   = 4
	provisionTimeout = 30 * time.Second
	// checkMax keeps a half message whose producer the embedded broker does not know yet: a check that reaches nobody counts too.
	checkMax = 1000
)

// Site is a RocketMQ that an example runs on. Make one with Start; one goroutine at a time uses it.
type Site struct {
	// Nameservers are what producers and consumers are told.
	Nameservers []string
	// Broker is the embedded broker, with its hooks and its clock; nil when the broker is a real one.
	Broker *broker.Broker

	instances atomic.Int64
	clients   []interface{ Shutdown() error } // in the order of their start
}

// Main runs a scene as a program and returns its exit status. The flag -namesrv names a real RocketMQ.
func Main(run func(namesrv string, out io.Writer) error) int {
	namesrv := flag.String("namesrv", "", "nameserver of a RocketMQ that runs, host:port; without it the example has a broker of its own")
	flag.Parse()
	if err := run(*namesrv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Start gives an example its RocketMQ: the one whose nameserver is named, or an embedded broker of its own. The topics
// exist afterwards, with four queues each; no others are made by sending to them.
func Start(namesrv string, topics ...string) (*Site, error) {
	Quiet()
	s := &Site{Nameservers: strings.Split(namesrv, ";")}
	if namesrv == "" {
		b, err := broker.New(broker.WithAutoCreateTopics(false), broker.WithTransactionCheckMax(checkMax))
		if err != nil {
			return nil, fmt.Errorf("start embedded broker: %w", err)
		}
		s.Broker, s.Nameservers = b, []string{b.Addr()}
	}
	specs := make([]mq.TopicSpec, len(topics))
	for i, topic := range topics {
		specs[i] = mq.TopicSpec{Name: topic, Queues: queuesPerTopic}
	}
	if err := s.provision(specs, nil); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Groups makes the retry and dead-letter topics of consumer groups, as an operator does before a group's first consumer
// starts: a client that has looked for its retry topic in vain misses its retries for up to 50 seconds.
func (s *Site) Groups(groups ...string) error { return s.provision(nil, groups) }

func (s *Site) provision(topics []mq.TopicSpec, groups []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), provisionTimeout)
	defer cancel()
	bus, err := mq.Open(ctx, mq.Config{NameServers: s.Nameservers, Process: "example", Log: newLog(os.Stderr)})
	if err != nil {
		return err
	}
	return errors.Join(bus.Provision(ctx, topics, groups), bus.Close())
}

// Resolver tells a producer or a consumer where the nameservers are.
func (s *Site) Resolver() primitive.NsResolver {
	return primitive.NewPassthroughResolver(s.Nameservers)
}

// Instance makes the instance name of a producer or a consumer, unlike all others: those of one name would share one
// connection, and of them only the first would be asked about its transactions.
func (s *Site) Instance(role string) string {
	return fmt.Sprintf("%s-%d-%d", role, os.Getpid(), s.instances.Add(1))
}

// Close shuts down the producers and consumers that the site has made, the last first, and then ends and removes the
// embedded broker. What an example has made by itself it shuts down before.
func (s *Site) Close() error {
	var err error
	for _, client := range slices.Backward(s.clients) {
		err = errors.Join(err, client.Shutdown())
	}
	if s.Broker == nil {
		return err
	}
	return errors.Join(err, s.Broker.Close())
}

// Name is the name that a topic or a group has in this run: its own on the embedded broker, which begins empty, and with
// the time on a real one, which still has the messages and offsets of earlier runs.
func Name(namesrv, name string) string {
	if namesrv == "" {
		return name
	}
	return fmt.Sprintf("%s-%d", name, time.Now().UnixMilli())
}
