package mq

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The body is what a nameserver of 5.3.3 answered.
func TestQuoteIntegerKeysReadsClusterInfo(t *testing.T) {
	const answer = `{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:20911",1:"127.0.0.1:20912"},` +
		`"brokerName":"broker-a","cluster":"boxoffice","enableActingMaster":false}},"clusterAddrTable":{"boxoffice":["broker-a"]}}`
	var cluster struct {
		BrokerAddrTable map[string]struct{ BrokerAddrs map[string]string }
	}
	if err := json.Unmarshal(quoteIntegerKeys([]byte(answer)), &cluster); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"0": "127.0.0.1:20911", "1": "127.0.0.1:20912"}
	if got := cluster.BrokerAddrTable["broker-a"].BrokerAddrs; !reflect.DeepEqual(got, want) {
		t.Errorf("addresses are %v, want %v", got, want)
	}
}

func TestQuoteIntegerKeysLeavesJSONAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := map[string]any{
			rapid.String().Draw(t, "key"): rapid.SampledFrom([]any{`{0:"x",1:`, `\",2:`, []int{1, 2, 3}, 4.5, nil}).Draw(t, "value"),
			"text":                        rapid.String().Draw(t, "text"),
		}
		strict, err := json.Marshal(value)
		if err != nil {
			t.Skip(err)
		}
		if got := quoteIntegerKeys(strict); !bytes.Equal(got, strict) {
			t.Fatalf("changed %s into %s", strict, got)
		}
	})
}
