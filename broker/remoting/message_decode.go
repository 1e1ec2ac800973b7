package remoting

import (
	"encoding/binary"
	"fmt"
)

// DecodeMessage reads the message at the start of b and the number of bytes it
// takes. The body aliases b. Any input is safe: what is not exactly one message
// of the layout, with the right body CRC, is ErrMalformedMessage.
func DecodeMessage(b []byte) (Message, int, error) {
	if len(b) < messageFixedBytes {
		return Message{}, 0, fmt.Errorf("decode message of %d bytes: %w", len(b), ErrMalformedMessage)
	}
	size := uint64(binary.BigEndian.Uint32(b))
	if size < messageFixedBytes || size > uint64(len(b)) || binary.BigEndian.Uint32(b[4:]) != messageMagic {
		return Message{}, 0, fmt.Errorf("decode message: size %d of %d bytes: %w", size, len(b), ErrMalformedMessage)
	}
	c := cursor{rest: b[8:size]}
	crc := c.uint32()
	m := Message{
		QueueID: int32(c.uint32()), Flag: int32(c.uint32()),
		QueueOffset: int64(c.uint64()), PhysicalOffset: int64(c.uint64()), SysFlag: int32(c.uint32()),
		BornTimestamp: int64(c.uint64()),
	}
	m.BornHost = c.host(m.SysFlag&SysFlagBornHostV6 != 0)
	m.StoreTimestamp = int64(c.uint64())
	m.StoreHost = c.host(m.SysFlag&SysFlagStoreHostV6 != 0)
	m.ReconsumeTimes = int32(c.uint32())
	m.PreparedTransactionOffset = int64(c.uint64())
	m.Body = c.take(uint64(c.uint32()))
	topic := c.take(uint64(c.uint8()))
	properties := c.take(uint64(c.uint16()))
	switch {
	case c.failed || len(c.rest) != 0 || len(topic) > maxTopicBytes || len(properties) > maxPropertiesBytes:
		return Message{}, 0, fmt.Errorf("decode message: fields do not fill %d bytes: %w", size, ErrMalformedMessage)
	case bodyCRC(m.Body) != crc:
		return Message{}, 0, fmt.Errorf("decode message: body CRC: %w", ErrMalformedMessage)
	}
	m.Topic, m.Properties = string(topic), string(properties)
	return m, int(size), nil
}
