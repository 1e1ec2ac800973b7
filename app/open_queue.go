package app

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const topicQueues = 4

// openQueue connects to the message queue, claims the prefix for this office, and creates the topics and groups.
func (o *office) openQueue(ctx context.Context) error {
	bus, err := mq.Open(ctx, mq.Config{
		NameServers: o.nameServers, Process: "boxoffice", Prefix: o.config.QueuePrefix, Owner: o.owner,
		Log: o.log.With("part", "mq"), Tracer: o.tracer,
	})
	if err != nil {
		return fmt.Errorf("set BOXOFFICE_NAMESRV to a nameserver that has a broker: %w", err)
	}
	o.bus = bus
	o.onClose(bus.Close)
	if err := bus.Claim(ctx); errors.Is(err, mq.ErrForeign) {
		return fmt.Errorf("set BOXOFFICE_QUEUE_PREFIX, so that this office gets names of its own: %w", err)
	} else if err != nil {
		return err
	}
	return bus.Provision(ctx, event.Topics(topicQueues), event.ConsumerGroups(furtherSubscriptions(o.config)...))
}
