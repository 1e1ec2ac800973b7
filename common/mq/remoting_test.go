package mq

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The body is what a nameserver of 5.3.3 answered.
func TestQuoteKeysReadsClusterInfo(t *testing.T) {
	const answer = `{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:20911",1:"127.0.0.1:20912"},` +
		`"brokerName":"broker-a","cluster":"boxoffice","enableActingMaster":false}},"clusterAddrTable":{"boxoffice":["broker-a"]}}`
	var cluster struct {
		BrokerAddrTable map[string]struct{ BrokerAddrs map[string]string }
	}
	if err := json.Unmarshal(quoteKeys([]byte(answer)), &cluster); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"0": "127.0.0.1:20911", "1": "127.0.0.1:20912"}
	if got := cluster.BrokerAddrTable["broker-a"].BrokerAddrs; !reflect.DeepEqual(got, want) {
		t.Errorf("addresses are %v, want %v", got, want)
	}
}

func TestQuoteKeysLeavesJSONAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := map[string]any{
			rapid.String().Draw(t, "key"): rapid.SampledFrom([]any{`{0:"x",1:`, `\",2:`, []int{1, 2, 3}, 4.5, nil}).Draw(t, "value"),
			"text":                        rapid.String().Draw(t, "text"),
		}
		strict, err := json.Marshal(value)
		if err != nil {
			t.Skip(err)
		}
		if got := quoteKeys(strict); !bytes.Equal(got, strict) {
			t.Fatalf("changed %s into %s", strict, got)
		}
	})
}

func TestFrameComesBackAsItWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := header{
			Code: int(rapid.Int16().Draw(t, "code")), Language: "GO", Version: 317, Opaque: 1,
			ExtFields: rapid.MapOfN(rapid.StringMatching(`[a-z]+`), rapid.StringMatching(`[ -~]*`), 1, 5).Draw(t, "fields"),
		}
		frame, err := encodeFrame(want)
		if err != nil {
			t.Fatal(err)
		}
		got, body, err := readFrame(bytes.NewReader(frame))
		if err != nil || !reflect.DeepEqual(got, want) || len(body) != 0 {
			t.Fatalf("got %+v, %q, %v", got, body, err)
		}
	})
}

// A peer that is not a broker, an HTTP server say, must not make us allocate what its first bytes spell.
func TestReadFrameRefusesWhatIsNotOne(t *testing.T) {
	tooLong := binary.BigEndian.AppendUint32(nil, maxResponse+1)
	for name, wire := range map[string][]byte{
		"http":               []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"too long":           append(tooLong, 0, 0, 0, 2, '{', '}'),
		"header past frame":  {0, 0, 0, 6, 0, 0, 0, 9, '{', '}'},
		"other serializer":   {0, 0, 0, 6, 1, 0, 0, 2, '{', '}'},
		"cut":                {0, 0, 0, 6, 0, 0, 0, 2, '{'},
		"header is not JSON": {0, 0, 0, 6, 0, 0, 0, 2, '{', '{'},
	} {
		if _, _, err := readFrame(bytes.NewReader(wire)); err == nil {
			t.Errorf("%s was taken for a frame", name)
		}
	}
}
