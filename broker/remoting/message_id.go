package remoting

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strings"
)

const messageIDBytes = 16

// MessageID is the id that the broker gives a stored message: the store host
// (IPv4 4 bytes, port 4) and its commit log offset (8), as 32 upper case hex
// digits. Clients call it offsetMsgId.
func MessageID(host netip.AddrPort, physicalOffset int64) string {
	var raw [messageIDBytes]byte
	b := appendHost(raw[:0], host)
	b = binary.BigEndian.AppendUint64(b, uint64(physicalOffset))
	return strings.ToUpper(hex.EncodeToString(b))
}

// ParseMessageID is the reverse of MessageID; ErrMalformedMessage when id is not
// of that form.
func ParseMessageID(id string) (host netip.AddrPort, physicalOffset int64, err error) {
	var raw [messageIDBytes]byte
	if len(id) != 2*messageIDBytes {
		return netip.AddrPort{}, 0, fmt.Errorf("parse message id of %d characters: %w", len(id), ErrMalformedMessage)
	}
	if _, err := hex.Decode(raw[:], []byte(id)); err != nil {
		return netip.AddrPort{}, 0, fmt.Errorf("parse message id: %w: %w", ErrMalformedMessage, err)
	}
	port := binary.BigEndian.Uint32(raw[4:])
	offset := int64(binary.BigEndian.Uint64(raw[8:]))
	if port > math.MaxUint16 || offset < 0 {
		return netip.AddrPort{}, 0, fmt.Errorf("parse message id: port %d, offset %d: %w", port, offset, ErrMalformedMessage)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[:4])), uint16(port)), offset, nil
}
