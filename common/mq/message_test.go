package mq

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// A half message with a delay is accepted by the broker and then lost: neither delivered nor checked.
func TestRemoveDelaysLeavesOnlyOtherProperties(t *testing.T) {
	m := newMessage(context.Background(), namespace{}, "topic", "key", nil)
	m.WithDelayTimeLevel(3)
	m.WithProperty("TIMER_DELIVER_MS", "1")
	m.WithProperty("TIMER_DELAY_SEC", "1")
	m.WithProperty("TIMER_DELAY_MS", "1")
	removeDelays(m)
	if got := m.GetProperties(); len(got) != 1 || got[primitive.PropertyKeys] != "key" {
		t.Errorf("properties are %v, want the key alone", got)
	}
}

func TestEncodeRefusesWhatTheBrokerWouldMisread(t *testing.T) {
	for name, key := range map[string]string{
		"value separator": "a\x01b", "property separator": "a\x02b", "two keys": "a b", "long": strings.Repeat("k", maxKey+1),
	} {
		if _, err := encode(Topic[int]("t"), key, 1); err == nil {
			t.Errorf("%s: key %.20q was taken", name, key)
		}
	}
	if _, err := encode(Topic[string]("t"), "k", strings.Repeat("x", maxBody)); err == nil {
		t.Error("a payload above the broker's limit was taken")
	}
	if _, err := encode(Topic[chan int]("t"), "k", nil); err == nil {
		t.Error("a payload that is not JSON was taken")
	}
	if body, err := encode(Topic[int]("t"), "ORDER-1_x:y", 7); err != nil || string(body) != "7" {
		t.Errorf("encode = %q, %v", body, err)
	}
}
