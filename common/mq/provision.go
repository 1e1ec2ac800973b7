package mq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"boxoffice/broker/remoting"
)

const (
	permReadWrite = 6
	maxQueues     = 1024

	routeTimeout = 15 * time.Second
	routePoll    = 100 * time.Millisecond
)

// TopicSpec is a topic to provision: at least Queues queues on every broker, 1 to 1024.
type TopicSpec struct {
	Name   string
	Queues int
}

// Provision makes sure that the topics, the retry and dead-letter topics of the consumer groups and the warm-up topic
// are on every broker that answers, and returns when the nameservers route to all of them. It adds what is missing and
// takes nothing away, so it may be called by every process at every start. Retry topics must be there before the first
// consumer of a group starts: a client that has looked one up in vain misses its retries for up to 50 seconds.
func (b *Bus) Provision(ctx context.Context, topics []TopicSpec, groups []string) error {
	all := append([]TopicSpec{{Name: warmUpTopic, Queues: 1}}, topics...)
	for _, group := range groups {
		if err := b.namespace.checkGroup(group); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
		all = append(all, TopicSpec{retryPrefix + group, 1}, TopicSpec{deadLetterPrefix + group, 1})
	}
	wanted := make([]TopicSpec, len(all))
	for i, topic := range all {
		if err := b.namespace.checkTopic(topic.Name); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
		if topic.Queues < 1 || topic.Queues > maxQueues {
			return fmt.Errorf("topic %q with %d queues cannot be provisioned", topic.Name, topic.Queues)
		}
		wanted[i] = TopicSpec{b.namespace.qualify(topic.Name), topic.Queues}
	}
	brokers, err := b.servers.brokers(ctx)
	if err != nil {
		return err
	}
	for _, topic := range wanted {
		if err := b.createTopic(ctx, topic, brokers); err != nil {
			return fmt.Errorf("create topic %q: %w", topic.Name, err)
		}
	}
	for _, topic := range wanted {
		if err := b.awaitRoute(ctx, topic, brokers); err != nil {
			return fmt.Errorf("wait for route of topic %q: %w", topic.Name, err)
		}
	}
	return nil
}

// createTopic creates topic where it is missing or has too few queues. A broker that does not answer is taken out of
// brokers, and keeps nobody from starting as long as there is another: a later start finds it.
func (b *Bus) createTopic(ctx context.Context, topic TopicSpec, brokers map[string]string) error {
	route, err := b.servers.route(ctx, topic.Name)
	if err != nil && !errors.Is(err, errNoRoute) {
		return err
	}
	for name, address := range brokers {
		if route[name] >= topic.Queues {
			continue
		}
		queues := strconv.Itoa(topic.Queues)
		answer, err := exchange(ctx, address, remoting.UpdateAndCreateTopic, map[string]string{
			"topic": topic.Name, "defaultTopic": "TBW102", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0",
			"readQueueNums": queues, "writeQueueNums": queues, "perm": strconv.Itoa(permReadWrite), "order": "false",
		})
		if err != nil && len(brokers) > 1 && ctx.Err() == nil {
			b.log.WarnContext(ctx, "a broker gets no topics, because it does not answer", "broker", name, "error", err)
			delete(brokers, name)
			continue
		}
		if err != nil {
			return fmt.Errorf("ask broker %s: %w", name, err)
		}
		if answer.Code != remoting.Success {
			return fmt.Errorf("broker %s refused with code %d: %s", name, answer.Code, answer.Remark)
		}
	}
	return nil
}

// awaitRoute polls until the nameservers route topic to all the brokers with all its queues: a broker registers a new
// topic after it has answered.
func (b *Bus) awaitRoute(ctx context.Context, topic TopicSpec, brokers map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	for {
		route, err := b.servers.route(ctx, topic.Name)
		complete := err == nil
		for name := range brokers {
			complete = complete && route[name] >= topic.Queues
		}
		if complete {
			b.servers.routed.Store(topic.Name, true)
			return nil
		}
		select {
		case <-time.After(routePoll):
		case <-ctx.Done():
			return unavailable(ctx.Err(), err)
		}
	}
}
