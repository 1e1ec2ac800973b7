package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"boxoffice/broker/remoting"
)

// errNoRoute means that the nameservers do not know a topic.
var errNoRoute = errors.New("topic has no route")

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
	var found struct {
		QueueDatas []struct {
			BrokerName     string
			ReadQueueNums  int
			WriteQueueNums int
		}
	}
	err := n.ask(ctx, remoting.GetRouteInfoByTopic, map[string]string{"topic": topic}, &found)
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
func (n *nameServers) brokers(ctx context.Context) (map[string]string, error) {
	var cluster struct {
		BrokerAddrTable map[string]struct {
			BrokerAddrs map[string]string
		}
	}
	if err := n.ask(ctx, remoting.GetBrokerClusterInfo, nil, &cluster); err != nil {
		return nil, fmt.Errorf("ask for brokers: %w", err)
	}
	masters := make(map[string]string)
	for name, broker := range cluster.BrokerAddrTable {
		if address, ok := broker.BrokerAddrs["0"]; ok {
			masters[name] = address
		}
	}
	return masters, nil
}

// topics returns the names of all topics of the cluster.
func (n *nameServers) topics(ctx context.Context) ([]string, error) {
	var found struct{ TopicList []string }
	err := n.ask(ctx, remoting.GetAllTopicListFromNameServer, nil, &found)
	return found.TopicList, err
}

// nameServerAnswer is what one nameserver said.
type nameServerAnswer struct {
	body    []byte
	noTopic bool // it does not know the topic
	err     error
}

// ask sends one request to all nameservers side by side, and decodes the first answer that has a body into found. That a
// topic does not exist is believed once the others have had a moment to say otherwise.
func (n *nameServers) ask(ctx context.Context, code int, fields map[string]string, found any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	servers := n.known()
	answers := make(chan nameServerAnswer, len(servers))
	for _, server := range servers {
		go func() { answers <- askOne(ctx, server, code, fields) }()
	}
	var failed error
	var late <-chan time.Time
	for range servers {
		select {
		case a := <-answers:
			switch {
			case a.noTopic:
				late = time.After(answerGrace)
			case a.err != nil:
				failed = joinInLine(failed, a.err)
			default:
				if err := json.Unmarshal(quoteIntegerKeys(a.body), found); err != nil {
					return fmt.Errorf("decode answer of a nameserver: %w", err)
				}
				return nil
			}
		case <-late:
			return errNoRoute
		}
	}
	if late != nil {
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

// quoteIntegerKeys makes JSON of what nameservers write: fastjson leaves the integer keys of maps unquoted, as in
// {0:"..."}.
func quoteIntegerKeys(loose []byte) []byte {
	strict := make([]byte, 0, len(loose)+16)
	inString := false
	for i := 0; i < len(loose); i++ {
		c := loose[i]
		strict = append(strict, c)
		switch {
		case inString && c == '\\' && i+1 < len(loose):
			i++
			strict = append(strict, loose[i])
		case c == '"':
			inString = !inString
		case !inString && (c == '{' || c == ','):
			end := i + 1
			for end < len(loose) && loose[end] >= '0' && loose[end] <= '9' {
				end++
			}
			if end > i+1 && end < len(loose) && loose[end] == ':' {
				strict = append(strict, '"')
				strict = append(strict, loose[i+1:end]...)
				strict = append(strict, '"')
				i = end - 1
			}
		}
	}
	return strict
}
