package remoting

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// AppendFrame appends the whole frame with its length, so that one Write sends
// it. On an error dst is returned as it was: ErrFrameTooLarge, or
// ErrMalformedFrame for a value that the serializer cannot hold.
func AppendFrame(dst []byte, f *Frame) ([]byte, error) {
	size := 8 + 128 + len(f.Remark) + len(f.Body)
	for key, value := range f.Ext {
		size += 8 + len(key) + len(value)
	}
	if size > MaxFrameBytes+1024 {
		return dst, fmt.Errorf("encode frame of about %d bytes: %w", size, ErrFrameTooLarge)
	}
	start := len(dst)
	out := append(slices.Grow(dst, size), 0, 0, 0, 0, 0, 0, 0, 0)
	if f.serializer == serializerBinary {
		var err error
		if out, err = appendBinaryHeader(out, f); err != nil {
			return dst, err
		}
	} else {
		out = appendJSONHeader(out, f)
	}
	header := len(out) - start - 8
	out = append(out, f.Body...)
	length := len(out) - start - 4
	if length > MaxFrameBytes || header >= 1<<24 {
		return dst, fmt.Errorf("encode frame of %d bytes: %w", length, ErrFrameTooLarge)
	}
	binary.BigEndian.PutUint32(out[start:], uint32(length))
	binary.BigEndian.PutUint32(out[start+4:], uint32(header)|uint32(f.serializer)<<24)
	return out, nil
}
