package mq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker/remoting"
)

// readBatch is how many messages one request asks for.
const readBatch = 32

// adminClient asks brokers for the offsets of their queues and reads messages from them, without being a member of a
// consumer group. It keeps one connection to each broker, and ends with the context that it was made with.
type adminClient struct {
	servers     *nameServers
	brokers     map[string]string      // addresses by name
	connections map[string]*connection // by broker name
}

func newAdminClient(ctx context.Context, servers *nameServers) (*adminClient, error) {
	brokers, err := servers.brokers(ctx)
	if err != nil {
		return nil, err
	}
	return &adminClient{servers: servers, brokers: brokers, connections: make(map[string]*connection)}, nil
}

func (a *adminClient) close() {
	for _, c := range a.connections {
		c.close()
	}
}

// queues lists the queues of a topic; a topic that no nameserver knows has none.
func (a *adminClient) queues(ctx context.Context, topic string) ([]messageQueue, error) {
	route, err := a.servers.route(ctx, topic)
	switch {
	case errors.Is(err, errNoRoute):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up route of topic %q: %w", topic, err)
	}
	var queues []messageQueue
	for broker, count := range route {
		if _, isMaster := a.brokers[broker]; !isMaster {
			continue
		}
		for id := range count {
			queues = append(queues, messageQueue{broker, topic, id})
		}
	}
	slices.SortFunc(queues, func(a, b messageQueue) int {
		return cmp.Or(strings.Compare(a.broker, b.broker), a.id-b.id)
	})
	return queues, nil
}

// exchange sends one request to a broker and returns the answer.
func (a *adminClient) exchange(ctx context.Context, broker string, code int, fields map[string]string) (*remoting.Frame, error) {
	c := a.connections[broker]
	if c == nil {
		var err error
		if c, err = dial(ctx, a.brokers[broker]); err != nil {
			return nil, fmt.Errorf("connect to broker %s: %w", broker, err)
		}
		a.connections[broker] = c
	}
	answer, err := c.exchange(ctx, code, fields)
	if err != nil {
		return nil, fmt.Errorf("ask broker %s: %w", broker, err)
	}
	return answer, nil
}

// queryOffset sends a request that is answered with an offset; known is false when the broker has none.
func (a *adminClient) queryOffset(ctx context.Context, broker string, code int, fields map[string]string) (offset int64, known bool, err error) {
	answer, err := a.exchange(ctx, broker, code, fields)
	switch {
	case err != nil:
		return 0, false, err
	case answer.Code == remoting.QueryNotFound:
		return 0, false, nil
	case answer.Code != remoting.Success:
		return 0, false, fmt.Errorf("broker %s refused request %d with code %d: %s", broker, code, answer.Code, answer.Remark)
	}
	if offset, err = strconv.ParseInt(answer.Ext["offset"], 10, 64); err != nil {
		return 0, false, fmt.Errorf("read offset of broker %s: %w", broker, err)
	}
	return offset, true, nil
}

// maxOffset is the offset that the next message of a queue will have.
func (a *adminClient) maxOffset(ctx context.Context, q messageQueue) (int64, error) {
	offset, _, err := a.queryOffset(ctx, q.broker, remoting.GetMaxOffset, q.fields())
	return offset, err
}

// nextOffset is where a group goes on in a queue: at the oldest message if it has not confirmed any yet, or if retention
// has taken what it had not read.
func (a *adminClient) nextOffset(ctx context.Context, group string, q messageQueue) (int64, error) {
	oldest, _, err := a.queryOffset(ctx, q.broker, remoting.GetMinOffset, q.fields())
	if err != nil {
		return 0, err
	}
	fields := q.fields()
	fields["consumerGroup"] = group
	fields["setZeroIfNotFound"] = "false"
	confirmed, known, err := a.queryOffset(ctx, q.broker, remoting.QueryConsumerOffset, fields)
	if err != nil || !known {
		return oldest, err
	}
	return max(oldest, confirmed), nil
}

// lag counts the messages of the queues that a group has not confirmed.
func (a *adminClient) lag(ctx context.Context, group string, queues ...messageQueue) (int64, error) {
	var total int64
	for _, q := range queues {
		next, err := a.nextOffset(ctx, group, q)
		if err != nil {
			return 0, err
		}
		end, err := a.maxOffset(ctx, q)
		if err != nil {
			return 0, err
		}
		total += max(end-next, 0)
	}
	return total, nil
}

// commitOffset confirms for a group all messages of a queue before offset.
func (a *adminClient) commitOffset(ctx context.Context, group string, q messageQueue, offset int64) error {
	fields := q.fields()
	fields["consumerGroup"] = group
	fields["commitOffset"] = strconv.FormatInt(offset, 10)
	answer, err := a.exchange(ctx, q.broker, remoting.UpdateConsumerOffset, fields)
	if err != nil {
		return err
	}
	if answer.Code != remoting.Success {
		return fmt.Errorf("broker %s refused with code %d: %s", q.broker, answer.Code, answer.Remark)
	}
	return nil
}

// pull reads at most limit messages from an offset on, without a wait, and returns the offset that follows them.
func (a *adminClient) pull(ctx context.Context, group string, q messageQueue, offset int64, limit int) ([]*primitive.MessageExt, int64, error) {
	fields := q.fields()
	maps.Copy(fields, map[string]string{
		"consumerGroup": group, "queueOffset": strconv.FormatInt(offset, 10), "maxMsgNums": strconv.Itoa(limit),
		// The subscription stands in the request, so that no consumer is needed.
		"sysFlag": strconv.Itoa(remoting.PullSysFlagSubscription), "subscription": "*", "subVersion": "0", "expressionType": "TAG",
		"commitOffset": "0", "suspendTimeoutMillis": "0",
	})
	answer, err := a.exchange(ctx, q.broker, remoting.PullMessage, fields)
	if err != nil {
		return nil, 0, err
	}
	switch answer.Code {
	case remoting.Success, remoting.PullNotFound, remoting.PullRetryImmediately, remoting.PullOffsetMoved:
	default:
		return nil, 0, fmt.Errorf("broker %s refused to read %q with code %d: %s", q.broker, q.topic, answer.Code, answer.Remark)
	}
	next, err := strconv.ParseInt(answer.Ext["nextBeginOffset"], 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("read next offset of broker %s: %w", q.broker, err)
	}
	if answer.Code != remoting.Success {
		return nil, next, nil
	}
	messages, err := decodeMessages(answer.Body)
	return messages, next, err
}

// decodeMessages decodes the body of a pull's answer. It keeps the client library's decoder, which trusts every length
// that it reads, from ending the process.
func decodeMessages(body []byte) (messages []*primitive.MessageExt, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			messages, err = nil, fmt.Errorf("decode messages: %v", cause)
		}
	}()
	return primitive.DecodeMessage(body), nil
}
