package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/broker/remoting"
)

// errNoRoute means that the nameservers do not know a topic.
var errNoRoute = errors.New("topic has no route")

// addressTimeout is how long the nameservers may take to tell where a master is that is looked for. It leaves time to connect to
// it.
const addressTimeout = reachTimeout / 2

// checkRoute fails with ErrUnavailable for a topic that is not provisioned, before the client library would fall back to
// the broker's template topic and create it with whatever settings that has.
func (n *nameServers) checkRoute(ctx context.Context, topic string) error {
	if _, known := n.routed.Load(topic); known {
		return nil
	}
	if _, err := n.route(ctx, topic); err != nil {
		return fmt.Errorf("look up route of topic %q: %w", topic, unavailable(err))
	}
	n.routed.Store(topic, true)
	return nil
}

// route returns the number of queues of a topic that can be written and read, by broker name.
func (n *nameServers) route(ctx context.Context, topic string) (map[string]int, error) {
	queues := make(map[string]int)
	err := n.ask(ctx, remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, func(body []byte) (says bool, err error) {
		var found struct {
			QueueDatas []struct {
				BrokerName     string
				ReadQueueNums  int
				WriteQueueNums int
			}
		}
		err = json.Unmarshal(body, &found)
		for _, q := range found.QueueDatas {
			queues[q.BrokerName] = min(q.ReadQueueNums, q.WriteQueueNums)
		}
		return len(queues) > 0, err
	})
	if err == nil && len(queues) == 0 {
		err = errNoRoute
	}
	return queues, err
}

// brokers returns the addresses of the master brokers by name. It fails with ErrUnavailable when there are none.
func (n *nameServers) brokers(ctx context.Context) (map[string]string, error) {
	masters := make(map[string]string)
	err := n.ask(ctx, remoting.GetBrokerClusterInfo, nil, func(body []byte) (says bool, err error) {
		masters, err = parseBrokers(body)
		return len(masters) > 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("ask for brokers: %w", err)
	}
	if len(masters) == 0 {
		return nil, fmt.Errorf("no broker is registered: %w", ErrUnavailable)
	}
	n.remember(masters)
	return masters, nil
}

// reach connects to a master broker and hangs up.
func (n *nameServers) reach(ctx context.Context, master string) error {
	address, err := n.addressOf(ctx, master)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to master %q: %w", master, err)
	}
	c.close()
	return nil
}

// addressOf returns the address of a master broker, and the last that was told when no nameserver answers, or none knows the
// master now: the client library goes on with that one too.
func (n *nameServers) addressOf(ctx context.Context, master string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	masters, err := n.brokers(ctx)
	if address, known := masters[master]; known {
		return address, nil
	}
	n.mu.RLock()
	address, known := n.masters[master]
	n.mu.RUnlock()
	switch {
	case known:
		return address, nil
	case err != nil:
		return "", err
	}
	return "", fmt.Errorf("master %q is not registered: %w", master, ErrUnavailable)
}

// topics returns the names of all topics of the cluster, of whichever nameserver knows them: one that has been restarted
// learns them within half a minute.
func (n *nameServers) topics(ctx context.Context) ([]string, error) {
	var all []string
	err := n.ask(ctx, remoting.GetAllTopicListFromNameServer, nil, func(body []byte) (says bool, err error) {
		var found struct{ TopicList []string }
		err = json.Unmarshal(body, &found)
		all = append(all, found.TopicList...)
		return false, err
	})
	slices.Sort(all)
	return slices.Compact(all), err
}

// nameServerAnswer is what one nameserver said.
type nameServerAnswer struct {
	body    []byte
	noTopic bool // it does not know the topic
	err     error
}

// ask sends one request to all nameservers side by side, and has take read the bodies of their answers until one says what
// is asked for. A nameserver that has been restarted answers too, but knows no broker and no topic until they have
// registered again, which takes up to half a minute: what it does not know is believed once the others have had a moment to
// say otherwise.
func (n *nameServers) ask(ctx context.Context, code int, fields map[string]string, take func(body []byte) (says bool, err error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	servers := n.known()
	answers := make(chan nameServerAnswer, len(servers))
	for _, server := range servers {
		go func() { answers <- askOne(ctx, server, code, fields) }()
	}
	var failed error
	var noTopic, taken bool
	var late <-chan time.Time
	for range servers {
		select {
		case a := <-answers:
			says := false
			if a.err == nil && !a.noTopic {
				says, a.err = take(quoteIntegerKeys(a.body))
			}
			switch {
			case a.err != nil:
				failed = joinInLine(failed, a.err)
				continue
			case says:
				return nil
			}
			noTopic, taken = noTopic || a.noTopic, taken || !a.noTopic
			late = time.After(answerGrace)
			continue
		case <-late:
		}
		break
	}
	switch {
	case taken:
		return nil
	case noTopic:
		return errNoRoute
	}
	return failed
}

func askOne(ctx context.Context, server string, code int, fields map[string]string) nameServerAnswer {
	answer, err := exchange(ctx, server, code, fields)
	switch {
	case err != nil:
		return nameServerAnswer{err: fmt.Errorf("ask nameserver %s: %w", server, err)}
	case answer.Code == remoting.TopicNotExist:
		return nameServerAnswer{noTopic: true}
	case answer.Code != remoting.Success:
		return nameServerAnswer{err: fmt.Errorf("nameserver %s: code %d: %s: %w", server, answer.Code, answer.Remark, ErrUnavailable)}
	}
	return nameServerAnswer{body: answer.Body}
}
