package remoting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"net/netip"
)

// Errors of messages.
var (
	ErrMalformedMessage = errors.New("remoting: malformed message")
	ErrMessageTooLarge  = errors.New("remoting: message field too large")
)

const (
	// messageMagic is MessageDecoder.MESSAGE_MAGIC_CODE, -626843481.
	messageMagic = 0xDAA320A7
	// messageFixedBytes is an encoded message with IPv4 hosts and an empty
	// body, topic and properties.
	messageFixedBytes = 91

	maxTopicBytes      = math.MaxInt8
	maxPropertiesBytes = math.MaxInt16
)

// Message is a message as the broker stores and delivers it.
type Message struct {
	Topic                     string // at most 127 bytes
	QueueID                   int32
	Flag                      int32
	QueueOffset               int64 // index in its queue
	PhysicalOffset            int64 // position in the commit log
	SysFlag                   int32
	BornTimestamp             int64 // Unix ms, the producer's clock
	BornHost                  netip.AddrPort
	StoreTimestamp            int64 // Unix ms, the broker's clock
	StoreHost                 netip.AddrPort
	ReconsumeTimes            int32
	PreparedTransactionOffset int64
	Body                      []byte
	Properties                string // wire form k\x01v\x02, at most 32767 bytes
}

// Validate returns ErrMessageTooLarge when the topic, the properties or the
// body do not fit the layout.
func (m *Message) Validate() error {
	if len(m.Topic) > maxTopicBytes || len(m.Properties) > maxPropertiesBytes || len(m.Body) > MaxFrameBytes {
		return fmt.Errorf("topic of %d, properties of %d, body of %d bytes: %w",
			len(m.Topic), len(m.Properties), len(m.Body), ErrMessageTooLarge)
	}
	return nil
}

// EncodedSize is the number of bytes that AppendMessage appends.
func (m *Message) EncodedSize() int {
	return messageFixedBytes + len(m.Body) + min(len(m.Topic), maxTopicBytes) + min(len(m.Properties), maxPropertiesBytes)
}

// AppendMessage appends m in the layout of MessageExtEncoder with IPv4 hosts
// (any other address becomes 0.0.0.0) and the CRC of the body. A topic or
// properties for which Validate fails are cut, because a client that walks the
// fields of a pull would read everything behind them wrongly.
func AppendMessage(dst []byte, m *Message) []byte {
	order := binary.BigEndian
	topic := m.Topic[:min(len(m.Topic), maxTopicBytes)]
	properties := m.Properties[:min(len(m.Properties), maxPropertiesBytes)]
	sysFlag := m.SysFlag &^ (SysFlagBornHostV6 | SysFlagStoreHostV6)
	dst = order.AppendUint32(dst, uint32(m.EncodedSize()))
	dst = order.AppendUint32(dst, messageMagic)
	dst = order.AppendUint32(dst, bodyCRC(m.Body))
	dst = order.AppendUint32(dst, uint32(m.QueueID))
	dst = order.AppendUint32(dst, uint32(m.Flag))
	dst = order.AppendUint64(dst, uint64(m.QueueOffset))
	dst = order.AppendUint64(dst, uint64(m.PhysicalOffset))
	dst = order.AppendUint32(dst, uint32(sysFlag))
	dst = order.AppendUint64(dst, uint64(m.BornTimestamp))
	dst = appendHost(dst, m.BornHost)
	dst = order.AppendUint64(dst, uint64(m.StoreTimestamp))
	dst = appendHost(dst, m.StoreHost)
	dst = order.AppendUint32(dst, uint32(m.ReconsumeTimes))
	dst = order.AppendUint64(dst, uint64(m.PreparedTransactionOffset))
	dst = order.AppendUint32(dst, uint32(len(m.Body)))
	dst = append(dst, m.Body...)
	dst = append(dst, byte(len(topic)))
	dst = append(dst, topic...)
	dst = order.AppendUint16(dst, uint16(len(properties)))
	return append(dst, properties...)
}

// bodyCRC is RocketMQ's UtilAll.crc32: CRC-32 (IEEE) without the sign bit.
func bodyCRC(body []byte) uint32 {
	return crc32.ChecksumIEEE(body) & math.MaxInt32
}

// appendHost appends an address as 4 bytes and its port as 4.
func appendHost(dst []byte, host netip.AddrPort) []byte {
	var ip [4]byte
	if addr := host.Addr().Unmap(); addr.Is4() {
		ip = addr.As4()
	}
	dst = append(dst, ip[:]...)
	return binary.BigEndian.AppendUint32(dst, uint32(host.Port()))
}
