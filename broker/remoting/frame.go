package remoting

import "errors"

// MaxFrameBytes bounds a frame without its own length field, in both
// directions. It is RocketMQ's com.rocketmq.remoting.frameMaxLength.
const MaxFrameBytes = 16 << 20

// maxHeaderBytes bounds the header of a frame that is read. The largest honest
// header holds 32 KiB of properties, each byte escaped to six.
const maxHeaderBytes = 1 << 20

// BrokerVersion is the MQVersion ordinal that a 5.3.3 broker writes into every
// frame that it originates.
const BrokerVersion = 479

// goClientVersion is the MQVersion ordinal that rocketmq-client-go v2.1.2 writes
// into its requests.
const goClientVersion = 317

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

// NewRequest makes a request as rocketmq-client-go sends it. Its Opaque is 1:
// number it anew where several requests wait for their answers on one connection.
func NewRequest(code int, ext map[string]string) *Frame {
	return &Frame{Code: code, Language: "GO", Version: goClientVersion, Opaque: 1, Ext: ext}
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
