// Lossstore shows the second of three places where a message is lost: in the broker, which has answered "I have it".
//
// A broker may answer as soon as the message is in memory, and write it to the disk a little later (ASYNC_FLUSH, RocketMQ's
// default), or write it first and answer then (SYNC_FLUSH). Here each kind takes an order and answers, and then the power
// fails: the next broker starts with what had been synced to the disk, and nothing else. So an order that must not be lost
// wants flushDiskType=SYNC_FLUSH, as docker/broker.conf has it (and brokerRole=SYNC_MASTER, a second machine, if the disk
// itself may die).
//
// SYNC_FLUSH has a trap of its own: if the disk takes too long, the sender gets no error, but a status. Whoever looks at the
// error alone believes that order 3 is safe. Whoever looks at the status sends it again, with the same key, since the broker
// may have the first one after all. On a real broker (-namesrv), whose power is not ours to cut, only order 3 is shown.
//
// Watch: the senders of orders 1 and 2 hear the same, and one order is gone; order 3 is sent twice without an error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"boxoffice/broker"
	"boxoffice/examples/internal/site"
)

func main() { os.Exit(site.Main(run)) }

func run(namesrv string, out io.Writer) error {
	site.Quiet()
	if namesrv == "" {
		async := powerFailure(out, "order 1", "ASYNC_FLUSH", broker.WithNoSync())
		if err := errors.Join(async, powerFailure(out, "order 2", "SYNC_FLUSH")); err != nil {
			return err
		}
	}
	return slowDisk(namesrv, out)
}

// powerFailure has a broker take an order, cuts its power, and looks what a broker finds that starts on the same disk.
func powerFailure(out io.Writer, key, flush string, options ...broker.Option) error {
	written, err := os.MkdirTemp("", "lossstore-") // by the broker, if only to the system's cache of the disk
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(written) }()
	disk := written + "-synced" // what does not need the cache any more
	defer func() { _ = os.RemoveAll(disk) }()
	b, err := broker.New(append(options, broker.WithDataDir(written))...)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	s := &site.Site{Nameservers: []string{b.Addr()}}
	defer func() { _ = s.Close() }()

	syncs := b.Stats().Syncs
	status, err := send(s, "orders", key)
	if err != nil {
		return err
	}
	if b.Stats().Syncs > syncs {
		if err := os.CopyFS(disk, os.DirFS(written)); err != nil {
			return err
		}
	}
	restarted, err := broker.New(broker.WithDataDir(disk)) // the first broker is no more: nothing of it is read from here on
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s: the sender hears %s; orders after the power failure: %d\n",
		key, flush, status, len(restarted.Messages("orders")))
	return restarted.Close()
}

// slowDisk has a broker say that its disk took too long: it has the order in memory only, and here it loses it.
func slowDisk(namesrv string, out io.Writer) error {
	topic := site.Name(namesrv, "orders")
	s, err := site.Start(namesrv, topic)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	faults, err := s.Faults()
	if err != nil {
		return err
	}
	quicken := faults.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict {
		return broker.Fail(broker.FlushDiskTimeout, "the disk is slow")
	})
	status, err := send(s, topic, "order 3")
	fmt.Fprintf(out, "order 3, SYNC_FLUSH and a slow disk: the sender hears %s; the error is %v\n", status, err)
	quicken()
	if err == nil && status != "OK" {
		status, err = send(s, topic, "order 3")
		fmt.Fprintf(out, "order 3 is sent again for its status: the sender hears %s\n", status)
	}
	return err
}

// send sends one order, and says what the broker has answered.
func send(s *site.Site, topic, key string) (status string, err error) {
	till, err := s.NewProducer("till")
	if err != nil {
		return "", err
	}
	result, err := till.SendSync(context.Background(), primitive.NewMessage(topic, []byte(key)).WithKeys([]string{key}))
	switch {
	case err != nil:
		return "", err
	case result.Status == primitive.SendFlushDiskTimeout:
		return "FLUSH_DISK_TIMEOUT", nil
	case result.Status != primitive.SendOK:
		return "NOT_SAFE", nil // the slave has not answered, or is not there
	}
	return "OK", nil
}
