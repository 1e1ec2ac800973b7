package mq

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

// Request and response codes of the RocketMQ remoting protocol (RequestCode, ResponseCode 5.3.3).
const (
	requestCreateTopic = 17
	requestRoute       = 105
	requestClusterInfo = 106

	responseSuccess       = 0
	responseTopicNotExist = 17
)

const (
	exchangeTimeout = 3 * time.Second
	maxResponse     = 16 << 20 // bytes
)

// header is a remoting header in its JSON form, which is the form that brokers answer in when they are asked in it.
type header struct {
	Code      int               `json:"code"`
	Language  string            `json:"language"`
	Version   int               `json:"version"`
	Opaque    int               `json:"opaque"`
	Flag      int               `json:"flag"`
	Remark    string            `json:"remark,omitempty"`
	ExtFields map[string]string `json:"extFields,omitempty"`
}

// exchange sends one request to a nameserver or a broker and returns its answer. It stands beside the client library
// for provisioning and inspection only: the library's admin client does not know the brokers' addresses and drops
// response codes.
func exchange(ctx context.Context, address string, code int, fields map[string]string) (header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	c, err := converse(ctx, address)
	if err != nil {
		return header{}, nil, err
	}
	defer c.close()
	return c.ask(ctx, code, fields)
}

// conversation is one connection, for requests one after the other. It ends with the context that it was begun with.
type conversation struct {
	conn net.Conn
	stop func() bool
}

func converse(ctx context.Context, address string) (*conversation, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, unavailable(err)
	}
	return &conversation{conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
}

func (c *conversation) close() {
	c.stop()
	_ = c.conn.Close() // nothing is written that could be lost
}

// ask waits for the answer, which is the next frame: brokers push nothing to a client that has sent no heartbeat.
func (c *conversation) ask(ctx context.Context, code int, fields map[string]string) (header, []byte, error) {
	// 317 is the version that the client library claims to be.
	request, err := encodeFrame(header{Code: code, Language: "GO", Version: 317, Opaque: 1, ExtFields: fields})
	if err != nil {
		return header{}, nil, fmt.Errorf("encode request %d: %w", code, err)
	}
	if _, err := c.conn.Write(request); err != nil {
		return header{}, nil, unavailable(ctx.Err(), err)
	}
	answer, body, err := readFrame(c.conn)
	if err != nil {
		return header{}, nil, fmt.Errorf("read answer to request %d: %w", code, unavailable(ctx.Err(), err))
	}
	return answer, body, nil
}

// encodeFrame lays out length, serializer (0 is JSON) and header length, and header.
func encodeFrame(h header) ([]byte, error) {
	encoded, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(encoded)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(encoded)))
	return append(frame, encoded...), nil
}

func readFrame(r io.Reader) (header, []byte, error) {
	var prefix [8]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return header{}, nil, err
	}
	length := binary.BigEndian.Uint32(prefix[:4])
	serializer, headerLength := prefix[4], binary.BigEndian.Uint32(prefix[4:])&0xffffff
	if length < 4 || length > maxResponse || headerLength > length-4 || serializer != 0 {
		return header{}, nil, fmt.Errorf("frame of %d bytes with a header of %d in form %d", length, headerLength, serializer)
	}
	rest := make([]byte, length-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return header{}, nil, err
	}
	var h header
	if err := json.Unmarshal(rest[:headerLength], &h); err != nil {
		return header{}, nil, fmt.Errorf("decode header: %w", err)
	}
	return h, rest[headerLength:], nil
}

// quoteKeys makes JSON of what brokers write: fastjson leaves the integer keys of maps unquoted, as in {0:"..."}.
func quoteKeys(loose []byte) []byte {
	strict := make([]byte, 0, len(loose)+16)
	inString := false
	for i := 0; i < len(loose); i++ {
		c := loose[i]
		strict = append(strict, c)
		switch {
		case inString && c == '\\' && i+1 < len(loose):
			i++
			strict = append(strict, loose[i])
		case c == '"':
			inString = !inString
		case !inString && (c == '{' || c == ','):
			end := i + 1
			for end < len(loose) && loose[end] >= '0' && loose[end] <= '9' {
				end++
			}
			if end > i+1 && end < len(loose) && loose[end] == ':' {
				strict = append(strict, '"')
				strict = append(strict, loose[i+1:end]...)
				strict = append(strict, '"')
				i = end - 1
			}
		}
	}
	return strict
}
