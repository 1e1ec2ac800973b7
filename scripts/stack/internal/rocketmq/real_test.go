package rocketmq

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"boxoffice/scripts/stack/internal/process"
)

// The real client creates a topic on every broker of the running stack and
// sends until each broker has stored a message.
func TestRealClusterTakesMessages(t *testing.T) {
	namesrv := os.Getenv("BOXOFFICE_NAMESRV")
	if namesrv == "" {
		t.Skip("no RocketMQ here: set BOXOFFICE_NAMESRV (go run ./scripts/stack env)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cluster, err := clusterInfo(ctx, namesrv)
	if err != nil {
		t.Fatal(err)
	}
	brokers := regexp.MustCompile(`"([0-9.]+:[0-9]+)"`).FindAllStringSubmatch(cluster, -1)
	if len(brokers) == 0 {
		t.Fatalf("no broker is registered: %s", cluster)
	}
	topic := fmt.Sprintf("stack-check-%d", os.Getpid())
	resolver := primitive.NewPassthroughResolver([]string{namesrv})
	createTopic(ctx, t, resolver, topic, brokers)

	p, err := producer.NewDefaultProducer(producer.WithNsResolver(resolver),
		producer.WithInstanceName(topic), producer.WithGroupName(topic), producer.WithRetry(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown() })
	stored := make(map[string]bool)
	err = process.Poll(ctx, func() (bool, error) {
		result, err := p.SendSync(ctx, primitive.NewMessage(topic, []byte("hello")))
		if err != nil {
			t.Logf("not yet: %v", err) // the route takes up to a second to appear
			return false, nil
		}
		if result.Status != primitive.SendOK {
			return false, fmt.Errorf("send status %d", result.Status)
		}
		stored[result.MessageQueue.BrokerName] = true
		return len(stored) == len(brokers), nil
	})
	if err != nil {
		t.Fatalf("%v; brokers that stored a message: %v", err, stored)
	}
	t.Logf("stored by %v", stored)
}

func createTopic(ctx context.Context, t *testing.T, resolver primitive.NsResolver, topic string, brokers [][]string) {
	t.Helper()
	a, err := admin.NewAdmin(admin.WithResolver(resolver))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	for _, broker := range brokers {
		err := a.CreateTopic(ctx, admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(broker[1]),
			admin.WithReadQueueNums(1), admin.WithWriteQueueNums(1))
		if err != nil {
			t.Fatalf("create topic at %s: %v", broker[1], err)
		}
	}
}
