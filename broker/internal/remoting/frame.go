package remoting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MaxFrameBytes bounds a frame without its own length field, in both
// directions. It is RocketMQ's com.rocketmq.remoting.frameMaxLength.
const MaxFrameBytes = 16 << 20

// maxHeaderBytes bounds the header of a frame that is read. The largest honest
// header holds 32 KiB of properties, each byte escaped to six.
const maxHeaderBytes = 1 << 20

// BrokerVersion is the MQVersion ordinal that a 5.3.3 broker writes into every
// frame that it originates.
const BrokerVersion = 479

const (
	flagResponse = 1
	flagOneWay   = 2
)

const (
	serializerJSON   = 0
	serializerBinary = 1
)

// Errors of frames. The stream is unusable after either: close the connection.
var (
	ErrFrameTooLarge  = errors.New("remoting: frame too large")
	ErrMalformedFrame = errors.New("remoting: malformed frame")
)

// Frame is one request or response (a RocketMQ RemotingCommand).
//
// The strings of a frame that was read share one allocation; clone what has to
// live much longer than the frame.
type Frame struct {
	Code     int    // request code, or response code when IsResponse
	Language string // the sender's language; empty is written as JAVA
	Version  int    // the sender's MQVersion ordinal
	Opaque   int32  // pairs a response with its request on one connection
	Flag     int    // bit 0 response, bit 1 one-way
	Remark   string // reason in words, mostly of a failure
	Ext      map[string]string
	Body     []byte

	serializer byte // what the peer used, so that a reply uses the same
}

// IsResponse reports whether the frame answers a request.
func (f *Frame) IsResponse() bool { return f.Flag&flagResponse != 0 }

// IsOneWay reports whether the sender waits for no answer.
func (f *Frame) IsOneWay() bool { return f.Flag&flagOneWay != 0 }

// Reply makes the response to f: same opaque and serializer, the response bit
// set, and an empty Ext to be filled.
func (f *Frame) Reply(code int, remark string) *Frame {
	return &Frame{
		Code: code, Language: "JAVA", Version: BrokerVersion,
		Opaque: f.Opaque, Flag: f.Flag | flagResponse, Remark: remark,
		Ext: make(map[string]string), serializer: f.serializer,
	}
}

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
