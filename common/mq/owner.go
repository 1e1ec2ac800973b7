package mq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// ErrForeign says that topics and groups, or a message, belong to another system on the same cluster.
var ErrForeign = errors.New("of another system on the same cluster")

const (
	propertyOwner = "BOXOFFICE_OWNER"
	// ownerTopic begins the name of the empty topic by which a system shows that the names of its prefix are taken.
	ownerTopic = "boxoffice-owner-"

	requestTopicList = 206 // RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER 5.3.3
)

// Claim takes the names under the bus's prefix for the bus's owner, once and for all. It fails with ErrForeign when they
// are another's. Of two systems that come at the same moment, one gets them.
func (b *Bus) Claim(ctx context.Context) error {
	mine := b.name(ownerTopic + b.owner)
	owners, err := b.owners(ctx)
	if err != nil {
		return fmt.Errorf("ask whose topics these are: %w", err)
	}
	marked := slices.Contains(owners, mine)
	if len(owners) == 0 {
		if err := b.Provision(ctx, []TopicSpec{{Name: ownerTopic + b.owner, Queues: 1}}, nil); err != nil {
			return err
		}
		marked = true
		if owners, err = b.owners(ctx); err != nil {
			return fmt.Errorf("ask whose topics these are: %w", err)
		}
	}
	others := slices.DeleteFunc(owners, func(topic string) bool { return topic == mine })
	if len(others) == 0 || marked && mine < slices.Min(others) {
		return nil
	}
	return fmt.Errorf("topics and groups are %w, which has put its mark there: topic %s", ErrForeign, slices.Min(others))
}

// owners are the marks of the systems that have claimed the names under this prefix.
func (b *Bus) owners(ctx context.Context) ([]string, error) {
	var found struct{ TopicList []string }
	if err := b.askNameServer(ctx, requestTopicList, nil, &found); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found.TopicList, func(topic string) bool {
		return !strings.HasPrefix(topic, b.name(ownerTopic))
	}), nil
}

// checkOwner refuses a message that another system has sent. One that bears no name was sent by an earlier version.
func (b *Bus) checkOwner(m *primitive.Message) error {
	owner := m.GetProperty(propertyOwner)
	if owner == "" || b.owner == "" || owner == b.owner {
		return nil
	}
	return fmt.Errorf("message is %w: owner %s, and this is %s", ErrForeign, owner, b.owner)
}
