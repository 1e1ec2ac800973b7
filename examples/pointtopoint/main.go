// Pointtopoint: one topic, read as a queue by one group and as a broadcast by two.
//
// Inside a consumer group a message goes to one member: that is point to point, and more members do more work. Each group
// gets all messages: that is publish and subscribe, and a new group needs no change in the sender. So there is no setting on
// the topic; who shares and who gets a copy is said by the names of the groups alone.
//
// Watch: ann and ben, who pack, share the orders, while the statistics count them all. (In one process ann and ben need
// instance names of their own, as site gives them; those of one name would be one client, see examples/duplicategroup.)
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

const (
	orders = 8
	moment = 100 * time.Millisecond
)

// delivery is an order in the hands of a consumer.
type delivery struct{ to, order string }

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "orders")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	packing, counting := site.Name(namesrv, "packing"), site.Name(namesrv, "statistics")
	deliveries := make(chan delivery, 1024)
	for _, member := range []struct{ name, group string }{
		{"ann", packing}, {"ben", packing}, {"the statistics", counting},
	} {
		take := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			deliveries <- delivery{member.name, string(messages[0].Body)}
			return consumer.ConsumeSuccess, nil
		}
		if _, err := s.NewConsumer(member.group, topic, consumer.MessageSelector{}, take); err != nil {
			return err
		}
	}

	send, err := sender(s, topic)
	if err != nil {
		return err
	}
	for work := map[string]bool{}; !work["ann"] || !work["ben"]; { // until the group has divided the queues of the topic
		if err := send("are you there?"); err != nil {
			return err
		}
		d, err := site.Receive(deliveries)
		if err != nil {
			return err
		}
		work[d.to] = true
	}
	for i := range orders {
		if err := send(fmt.Sprintf("order %d", i+1)); err != nil {
			return err
		}
	}
	packed, counted, hands, taken := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	for len(packed) < orders || len(counted) < orders || len(hands) < 2 || len(deliveries) > 0 {
		d, err := site.Receive(deliveries)
		switch {
		case err != nil:
			return err
		case d.order == "are you there?":
		case d.to == "the statistics":
			counted[d.order] = true
		default: // while the group divides its queues an order of ben's may come to ann as well: a real packer looks whether it is packed
			packed[d.order], hands[d.to] = true, true
			taken++
		}
		if len(packed) == orders && len(deliveries) == 0 {
			<-time.After(moment) // for what would come to both
		}
	}
	if taken > orders+orders/2 {
		return errors.New("the members do not share the orders")
	}
	fmt.Fprintln(out, orders, "orders sent")
	fmt.Fprintln(out, "packed:", len(packed), "orders, by", len(hands), "members that share them")
	fmt.Fprintln(out, "counted by the statistics:", len(counted), "orders")
	return nil
}

// sender returns what sends one message; the client's producer takes the topic's queues in turn.
func sender(s *site.Site, topic string) (func(body string) error, error) {
	p, err := s.NewProducer("shop")
	if err != nil {
		return nil, err
	}
	return func(body string) error {
		_, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(body)))
		return err
	}, nil
}
