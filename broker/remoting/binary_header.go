package remoting

import (
	"encoding/binary"
	"fmt"
	"math"
)

// appendBinaryHeader appends the header in RocketMQ's own serializer
// (RocketMQSerializable): code 2, language 1, version 2, opaque 4, flag 4,
// remark length 4 and bytes, ext length 4 and entries of key length 2, key,
// value length 4, value.
func appendBinaryHeader(dst []byte, f *Frame) ([]byte, error) {
	if f.Code != int(int16(f.Code)) || f.Version != int(int16(f.Version)) {
		return nil, fmt.Errorf("encode code %d, version %d: %w", f.Code, f.Version, ErrMalformedFrame)
	}
	order := binary.BigEndian
	dst = order.AppendUint16(dst, uint16(f.Code))
	dst = append(dst, languageCode(f.Language))
	dst = order.AppendUint16(dst, uint16(f.Version))
	dst = order.AppendUint32(dst, uint32(f.Opaque))
	dst = order.AppendUint32(dst, uint32(f.Flag))
	dst = order.AppendUint32(dst, uint32(len(f.Remark)))
	dst = append(dst, f.Remark...)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for key, value := range f.Ext {
		if len(key) > math.MaxInt16 {
			return nil, fmt.Errorf("encode ext key of %d bytes: %w", len(key), ErrMalformedFrame)
		}
		dst = order.AppendUint16(dst, uint16(len(key)))
		dst = append(dst, key...)
		dst = order.AppendUint32(dst, uint32(len(value)))
		dst = append(dst, value...)
	}
	order.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, nil
}

// decodeBinaryHeader is the reverse. Bytes after the ext fields are ignored, as
// the Java broker ignores them.
func decodeBinaryHeader(raw []byte) (*Frame, error) {
	c := cursor{rest: raw}
	f := &Frame{serializer: serializerBinary}
	f.Code = int(int16(c.uint16()))
	f.Language = languageOf(c.uint8())
	f.Version = int(int16(c.uint16()))
	f.Opaque = int32(c.uint32())
	f.Flag = int(int32(c.uint32()))
	f.Remark = string(c.take(uint64(c.uint32())))
	ext := cursor{rest: c.take(uint64(c.uint32()))}
	ext.failed = c.failed
	f.Ext = make(map[string]string)
	for !ext.failed && len(ext.rest) > 0 {
		key := string(ext.take(uint64(ext.uint16())))
		f.Ext[key] = string(ext.take(uint64(ext.uint32())))
	}
	if ext.failed {
		return nil, fmt.Errorf("decode binary header of %d bytes: %w", len(raw), ErrMalformedFrame)
	}
	return f, nil
}
