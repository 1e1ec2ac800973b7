package remoting

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"pgregory.net/rapid"
)

func newMessage() Message {
	return Message{
		Topic: "stock-reserved", QueueID: 3, Flag: 5, QueueOffset: 1 << 40, PhysicalOffset: 1<<41 + 7, SysFlag: SysFlagCommit,
		BornTimestamp: 1700000000123, BornHost: netip.MustParseAddrPort("127.0.0.1:54321"),
		StoreTimestamp: 1700000000456, StoreHost: netip.MustParseAddrPort("10.1.2.3:10911"),
		ReconsumeTimes: 2, PreparedTransactionOffset: 99, Body: []byte("a ticket"),
		Properties: "TAGS\x01vip\x02UNIQ_KEY\x017F01\x02",
	}
}

// The layout is right when the real client reads it.
func TestClientDecodesMessages(t *testing.T) {
	first, second := newMessage(), newMessage()
	second.Body, second.Properties, second.QueueOffset = nil, "", 8
	raw := AppendMessage(AppendMessage(nil, &first), &second)
	decoded := primitive.DecodeMessage(raw)
	if len(decoded) != 2 {
		t.Fatalf("%d messages", len(decoded))
	}
	got := decoded[0]
	if got.Topic != first.Topic || got.Queue.QueueId != 3 || got.Flag != 5 || got.QueueOffset != 1<<40 ||
		got.CommitLogOffset != 1<<41+7 || got.SysFlag != SysFlagCommit || got.BornTimestamp != first.BornTimestamp ||
		got.StoreTimestamp != first.StoreTimestamp || got.BornHost != "127.0.0.1:54321" || got.StoreHost != "10.1.2.3:10911" ||
		got.ReconsumeTimes != 2 || got.PreparedTransactionOffset != 99 || string(got.Body) != "a ticket" ||
		got.GetTags() != "vip" || got.MsgId != "7F01" || int(got.StoreSize) != first.EncodedSize() {
		t.Errorf("client read %v", got)
	}
	if want := MessageID(first.StoreHost, first.PhysicalOffset); got.OffsetMsgId != want {
		t.Errorf("OffsetMsgId = %s, want %s", got.OffsetMsgId, want)
	}
	if decoded[1].QueueOffset != 8 || len(decoded[1].Body) != 0 {
		t.Errorf("second message: %v", decoded[1])
	}
}

// The bytes are pinned, so that a log written today is read tomorrow.
func TestMessageBytes(t *testing.T) {
	m := newMessage()
	const want = "00000088daa320a710bc4ad0000000030000000500000100000000000000020000000007000000080000018bcfe5687b7f0000010000d431" +
		"0000018bcfe569c80a01020300002a9f000000020000000000000063000000086120" + "7469636b65740e" +
		"73746f636b2d7265736572766564" + "0017" + "54414753017669700255" + "4e49515f4b4559013746303102"
	if got := hex.EncodeToString(AppendMessage(nil, &m)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func drawMessage(t *rapid.T) Message {
	host := rapid.Custom(func(t *rapid.T) netip.AddrPort {
		ip := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip"))
		return netip.AddrPortFrom(netip.AddrFrom4(ip), rapid.Uint16().Draw(t, "port"))
	})
	return Message{
		Topic: rapid.StringN(0, 30, 127).Draw(t, "topic"), QueueID: rapid.Int32().Draw(t, "queue"), Flag: rapid.Int32().Draw(t, "flag"),
		QueueOffset: rapid.Int64().Draw(t, "queueOffset"), PhysicalOffset: rapid.Int64().Draw(t, "physicalOffset"),
		SysFlag:       rapid.Int32().Draw(t, "sysFlag") &^ (SysFlagBornHostV6 | SysFlagStoreHostV6),
		BornTimestamp: rapid.Int64().Draw(t, "born"), BornHost: host.Draw(t, "bornHost"),
		StoreTimestamp: rapid.Int64().Draw(t, "stored"), StoreHost: host.Draw(t, "storeHost"),
		ReconsumeTimes: rapid.Int32().Draw(t, "reconsumeTimes"), PreparedTransactionOffset: rapid.Int64().Draw(t, "prepared"),
		Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"), Properties: rapid.String().Draw(t, "properties"),
	}
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawMessage(t)
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		raw := AppendMessage(before, &want)[len(before):]
		if len(raw) != want.EncodedSize() {
			t.Fatalf("%d bytes, EncodedSize %d", len(raw), want.EncodedSize())
		}
		got, n, err := DecodeMessage(append(raw, "behind"...))
		if err != nil || n != len(raw) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestDecodeMessageRefusesDamage(t *testing.T) {
	m := newMessage()
	raw := AppendMessage(nil, &m)
	for n := range raw {
		if _, _, err := DecodeMessage(raw[:n]); !errors.Is(err, ErrMalformedMessage) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	const body, topicLength, propertiesLength = 88, 96, 111
	for _, at := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 11, body - 4, body - 1, body, topicLength, propertiesLength, propertiesLength + 1} {
		raw[at] ^= 0x80
		if _, _, err := DecodeMessage(raw); !errors.Is(err, ErrMalformedMessage) {
			t.Errorf("changed byte %d: %v", at, err)
		}
		raw[at] ^= 0x80
	}
	if _, _, err := DecodeMessage(raw); err != nil {
		t.Errorf("undamaged: %v", err)
	}
}

func TestDecodeMessageReadsIPv6Hosts(t *testing.T) {
	m := newMessage()
	raw := AppendMessage(nil, &m)
	v6 := netip.MustParseAddr("2001:db8::1").As16()
	const bornHost = 48
	raw = append(raw[:bornHost:bornHost], append(v6[:], raw[bornHost+4:]...)...)
	raw[3] += 12
	raw[39] |= SysFlagBornHostV6
	got, n, err := DecodeMessage(raw)
	if err != nil || n != len(raw) || got.BornHost != netip.MustParseAddrPort("[2001:db8::1]:54321") {
		t.Fatalf("%v, %d, %v", got.BornHost, n, err)
	}
	again := AppendMessage(nil, &got)
	if got, _, err := DecodeMessage(again); err != nil || got.BornHost != netip.MustParseAddrPort("0.0.0.0:54321") || got.SysFlag != m.SysFlag {
		t.Errorf("written again: %v, sysFlag %d, %v", got.BornHost, got.SysFlag, err)
	}
}

func TestMessageFieldsTooLarge(t *testing.T) {
	m := newMessage()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	m.Topic, m.Properties = strings.Repeat("t", 128), strings.Repeat("p", 40000)
	if err := m.Validate(); !errors.Is(err, ErrMessageTooLarge) {
		t.Errorf("Validate: %v", err)
	}
	got, _, err := DecodeMessage(AppendMessage(nil, &m))
	if err != nil || len(got.Topic) != 127 || len(got.Properties) != 32767 {
		t.Errorf("topic of %d, properties of %d: %v", len(got.Topic), len(got.Properties), err)
	}
}

func TestBatchOfTheGoClient(t *testing.T) {
	var body []byte
	for i, text := range []string{"first", "", "third"} {
		m := primitive.NewMessage("t", []byte(text)).WithTag("tag")
		m.Flag = int32(i)
		body = append(body, m.Marshal()...)
	}
	items, err := DecodeBatch(body)
	if err != nil || len(items) != 3 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	if string(items[2].Body) != "third" || items[2].Flag != 2 || items[0].Properties != "TAGS\x01tag\x02" || len(items[1].Body) != 0 {
		t.Errorf("items: %q", items)
	}
	ends := []int{0, batchItemFixedBytes + 5 + 9, 2*batchItemFixedBytes + 5 + 18}
	for n := range body {
		got, err := DecodeBatch(body[:n])
		if whole := slices.Index(ends, n); whole > 0 {
			if err != nil || len(got) != whole {
				t.Errorf("cut behind item %d: %d items, %v", whole, len(got), err)
			}
		} else if !errors.Is(err, ErrMalformedMessage) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	padded := append(bytes.Clone(body[:ends[1]]), 0)
	padded[3]++
	if _, err := DecodeBatch(padded); !errors.Is(err, ErrMalformedMessage) {
		t.Errorf("item longer than its fields: %v", err)
	}
	if _, err := DecodeBatch(nil); !errors.Is(err, ErrMalformedMessage) {
		t.Errorf("empty batch: %v", err)
	}
}

func TestMessageID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		offset := m.PhysicalOffset & (1<<63 - 1)
		host, got, err := ParseMessageID(MessageID(m.StoreHost, offset))
		if err != nil || host != m.StoreHost || got != offset {
			t.Fatalf("%v %d %v, want %v %d", host, got, err, m.StoreHost, offset)
		}
	})
	if got := MessageID(netip.MustParseAddrPort("127.0.0.1:10911"), 255); got != "7F00000100002A9F00000000000000FF" {
		t.Errorf("MessageID = %s", got)
	}
	for _, id := range []string{"", "7F", strings.Repeat("G", 32), "7F00000100012A9F00000000000000FF", "7F00000100002A9FF0000000000000FF"} {
		if _, _, err := ParseMessageID(id); !errors.Is(err, ErrMalformedMessage) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// The expected values are those of Java's String.hashCode.
func TestTagHash(t *testing.T) {
	for tag, want := range map[string]int32{
		"": 0, "a": 97, "TagA": 2598919, "hello world": 1794106052, "\u7968": 31080, "\U0001F3AB": 1773295,
	} {
		if got := TagHash(tag); got != want {
			t.Errorf("TagHash(%q) = %d, want %d", tag, got, want)
		}
	}
}
