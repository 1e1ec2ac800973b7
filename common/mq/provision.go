package mq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// warmUpTopic carries the message that makes a new transactional producer known to the brokers. Nobody consumes it.
const warmUpTopic = "boxoffice-warm-up"

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
// are on every broker that answers, and returns when the nameservers route to all of them. It adds what is missing and takes nothing
// away, so it may be called by every process at every start. Retry topics must be there before the first consumer of a
// group starts: a client that has looked one up in vain misses its retries for up to 50 seconds.
func (b *Bus) Provision(ctx context.Context, topics []TopicSpec, groups []string) error {
	all := append([]TopicSpec{{Name: warmUpTopic, Queues: 1}}, topics...)
	for _, group := range groups {
		if err := b.checkGroup(group); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
		all = append(all, TopicSpec{retryPrefix + group, 1}, TopicSpec{deadLetterPrefix + group, 1})
	}
	wanted := make([]TopicSpec, len(all))
	for i, topic := range all {
		if err := b.checkName(topic.Name); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
		if topic.Queues < 1 || topic.Queues > maxQueues {
			return fmt.Errorf("topic %q with %d queues cannot be provisioned", topic.Name, topic.Queues)
		}
		wanted[i] = TopicSpec{b.name(topic.Name), topic.Queues}
	}
	brokers, err := b.brokers(ctx)
	if err != nil {
		return fmt.Errorf("ask for brokers: %w", err)
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
	route, err := b.route(ctx, topic.Name)
	if err != nil && !errors.Is(err, errNoRoute) {
		return err
	}
	for name, address := range brokers {
		if route[name] >= topic.Queues {
			continue
		}
		queues := strconv.Itoa(topic.Queues)
		answer, _, err := exchange(ctx, address, requestCreateTopic, map[string]string{
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
		if answer.Code != responseSuccess {
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
		route, err := b.route(ctx, topic.Name)
		complete := err == nil
		for name := range brokers {
			complete = complete && route[name] >= topic.Queues
		}
		if complete {
			b.routed.Store(topic.Name, true)
			return nil
		}
		select {
		case <-time.After(routePoll):
		case <-ctx.Done():
			return unavailable(ctx.Err(), err)
		}
	}
}

// checkRoute fails with ErrUnavailable for a topic that is not provisioned, before the client would fall back to the
// broker's template topic and create it with whatever settings that has.
func (b *Bus) checkRoute(ctx context.Context, topic string) error {
	if _, known := b.routed.Load(topic); known {
		return nil
	}
	if _, err := b.route(ctx, topic); err != nil {
		return fmt.Errorf("look up route of topic %q: %w", topic, unavailable(err))
	}
	b.routed.Store(topic, true)
	return nil
}

// errNoRoute means that the nameserver does not know a topic.
var errNoRoute = errors.New("topic has no route")

// route returns the number of queues of a topic that can be written and read, by broker name.
func (b *Bus) route(ctx context.Context, topic string) (map[string]int, error) {
	var found struct {
		QueueDatas []struct {
			BrokerName     string
			ReadQueueNums  int
			WriteQueueNums int
		}
	}
	err := b.askNameServer(ctx, requestRoute, map[string]string{"topic": topic}, &found)
	if err != nil {
		return nil, err
	}
	queues := make(map[string]int)
	for _, q := range found.QueueDatas {
		queues[q.BrokerName] = min(q.ReadQueueNums, q.WriteQueueNums)
	}
	return queues, nil
}

// brokers returns the addresses of the master brokers by name.
func (b *Bus) brokers(ctx context.Context) (map[string]string, error) {
	var cluster struct {
		BrokerAddrTable map[string]struct {
			BrokerAddrs map[string]string
		}
	}
	if err := b.askNameServer(ctx, requestClusterInfo, nil, &cluster); err != nil {
		return nil, err
	}
	masters := make(map[string]string)
	for name, broker := range cluster.BrokerAddrTable {
		if address, ok := broker.BrokerAddrs["0"]; ok {
			masters[name] = address
		}
	}
	return masters, nil
}
