// Chatroom: everybody in a room hears everything that is said.
//
// In the broadcast model the members of one consumer group do not share the messages: each gets all of them. The broker
// keeps nothing about the members then. Each one keeps its place in the topic by itself, and what a member fails to handle
// is gone for it: nothing comes again, and there are no dead letters. That is right for what is worth something only now,
// such as a line in a chat or "your cache is old". For work, make a group for each reader instead, as examples/pointtopoint
// does.
//
// The Go client keeps the places in files below ~/.rocketmq_client_go, by an address that a restarted process does not have
// again, so that it begins anew; this program removes its own.
//
// Watch: twelve members hear each line, also their own; one who comes late reads what the topic still has. (She does since
// site sets ConsumeFromFirstOffset, as examples/hello does; by default she would hear only what is said from then on. And
// it gives each member an instance name of its own: with the same they would be one client, see examples/duplicategroup.)
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/examples/internal/site"
)

// room is a topic and the group of those who are in it.
type room struct {
	site         *site.Site
	topic, group string
	heard        chan string
}

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	r := room{
		topic: site.Name(namesrv, "chat"),
		group: fmt.Sprintf("room-%d", time.Now().UnixNano()), // new in each run, because of the files
		heard: make(chan string, 1024),
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(filepath.Join(home, ".rocketmq_client_go", r.group)) }()
	if r.site, err = site.Start(namesrv, r.topic); err != nil {
		return err
	}
	defer func() { _ = r.site.Close() }()

	members := strings.Fields("ann ben cat dan eve fay gus hal ida jim kay leo")
	for _, name := range members {
		if err := r.join(name); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, len(members), "members are in the room")
	p, err := r.site.NewProducer("chat")
	if err != nil {
		return err
	}
	lines := []string{"ann: who has a ticket for tonight?", "ben: me, two of them", "ann: then meet me at eight"}
	for _, line := range lines {
		if _, err := p.SendSync(context.Background(), primitive.NewMessage(r.topic, []byte(line))); err != nil {
			return err
		}
		fmt.Fprintln(out, line)
	}
	if _, err := site.ReceiveSet(r.heard, len(members)*len(lines)); err != nil {
		return err
	}
	fmt.Fprintln(out, "each member has heard each line")

	if err := r.join("mia"); err != nil {
		return err
	}
	read, err := site.ReceiveSet(r.heard, len(lines))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "mia comes late, and reads what was said:")
	for _, line := range read {
		fmt.Fprintln(out, line)
	}
	return nil
}

// join makes a member, which tells what it hears.
func (r room) join(name string) error {
	hear := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		r.heard <- name + " hears " + string(messages[0].Body)
		return consumer.ConsumeSuccess, nil
	}
	_, err := r.site.NewConsumer(r.group, r.topic, consumer.MessageSelector{}, hear, consumer.WithConsumerModel(consumer.BroadCasting))
	return err
}
