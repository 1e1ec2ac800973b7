package remoting

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// cursor takes big endian fields off the front of a slice. After the first
// field that is not wholly there it has failed and yields zeros.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) take(n uint64) []byte {
	if c.failed || n > uint64(len(c.rest)) {
		c.failed = true
		return nil
	}
	part := c.rest[:n:n]
	c.rest = c.rest[n:]
	return part
}

func (c *cursor) uint8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) host(v6 bool) netip.AddrPort {
	size := uint64(4)
	if v6 {
		size = 16
	}
	addr, ok := netip.AddrFromSlice(c.take(size))
	port := c.uint32()
	if !ok || port > math.MaxUint16 {
		c.failed = true
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, uint16(port))
}
