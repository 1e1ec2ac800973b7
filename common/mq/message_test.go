package mq

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// A half message with a delay is accepted by the broker and then lost: neither delivered nor checked.
func TestStripDelaysLeavesOnlyOtherProperties(t *testing.T) {
	m := new(Bus).newMessage(context.Background(), "topic", "key", nil)
	m.WithDelayTimeLevel(3)
	m.WithProperty("TIMER_DELIVER_MS", "1")
	m.WithProperty("TIMER_DELAY_SEC", "1")
	m.WithProperty("TIMER_DELAY_MS", "1")
	stripDelays(m)
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

func TestNotSentTellsRefusalsFromOutages(t *testing.T) {
	for text, available := range map[string]bool{
		"CODE: 13, DESC: message illegal":                   true,
		"CODE: 2, DESC: broker busy":                        false,
		"CODE: 14, DESC: service not available":             false,
		"request timeout":                                   false,
		"the topic=t route info not found":                  false,
		"dial tcp 127.0.0.1:1: connect: connection refused": false,
	} {
		err := notSent(errors.New(text))
		if !errors.Is(err, ErrNotSent) || errors.Is(err, ErrUnavailable) == available {
			t.Errorf("%q became %v", text, err)
		}
	}
}

func TestInstanceNamesNeverRepeat(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 { // three processes, as far as the names can tell
		i, err := newInstances("stock@%#")
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			name := i.next("send")
			if seen[name] || strings.ContainsAny(name, "@%# ") {
				t.Fatalf("instance name %q repeats or has a character with a meaning", name)
			}
			seen[name] = true
		}
	}
}
