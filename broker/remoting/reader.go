package remoting

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	readBufferBytes = 32 << 10
	// bodyStepBytes is the most that is allocated for a body on the word of its
	// sender alone; a larger body grows as its bytes arrive.
	bodyStepBytes = 256 << 10
)

// Reader reads frames from one connection. It is not safe for concurrent use.
type Reader struct {
	in *bufio.Reader
}

// NewReader returns a Reader with its own buffer over r.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, readBufferBytes)}
}

// Read returns the next frame; its body belongs to the frame. It returns
// io.EOF at a clean end between frames, io.ErrUnexpectedEOF within one,
// ErrFrameTooLarge and ErrMalformedFrame for a hostile or foreign peer, and the
// connection's own errors wrapped.
func (r *Reader) Read() (*Frame, error) {
	prefix, err := r.in.Peek(8)
	if err != nil {
		if errors.Is(err, io.EOF) && len(prefix) == 0 {
			return nil, io.EOF
		}
		return nil, readError(err)
	}
	length := int64(binary.BigEndian.Uint32(prefix))
	mark := binary.BigEndian.Uint32(prefix[4:])
	serializer, header := byte(mark>>24), int64(mark&0xFFFFFF)
	switch {
	case length > MaxFrameBytes:
		return nil, fmt.Errorf("read frame of %d bytes: %w", length, ErrFrameTooLarge)
	case header > maxHeaderBytes:
		return nil, fmt.Errorf("read frame header of %d bytes: %w", header, ErrFrameTooLarge)
	case length < 4+header:
		return nil, fmt.Errorf("read frame of %d bytes with a header of %d: %w", length, header, ErrMalformedFrame)
	}
	if _, err := r.in.Discard(8); err != nil {
		return nil, readError(err)
	}
	f, err := r.readHeader(serializer, int(header))
	if err != nil {
		return nil, err
	}
	if f.Body, err = r.readBody(int(length - 4 - header)); err != nil {
		return nil, err
	}
	return f, nil
}

func (r *Reader) readHeader(serializer byte, size int) (*Frame, error) {
	if size > readBufferBytes {
		raw, err := r.readBody(size)
		if err != nil {
			return nil, err
		}
		return decodeHeader(serializer, raw)
	}
	raw, err := r.in.Peek(size)
	if err != nil {
		return nil, readError(err)
	}
	f, err := decodeHeader(serializer, raw)
	if err != nil {
		return nil, err
	}
	if _, err := r.in.Discard(size); err != nil {
		return nil, readError(err)
	}
	return f, nil
}

func decodeHeader(serializer byte, raw []byte) (*Frame, error) {
	switch serializer {
	case serializerJSON:
		// This is the one copy of the header; the frame's strings point into it.
		return decodeJSONHeader(string(raw))
	case serializerBinary:
		return decodeBinaryHeader(raw)
	}
	return nil, fmt.Errorf("read frame with serializer %d: %w", serializer, ErrMalformedFrame)
}

// readBody reads size bytes into a fresh slice, nil when size is 0.
func (r *Reader) readBody(size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	body := make([]byte, min(size, bodyStepBytes))
	for filled := 0; ; {
		if _, err := io.ReadFull(r.in, body[filled:]); err != nil {
			return nil, readError(err)
		}
		filled = len(body)
		if filled == size {
			return body, nil
		}
		grown := make([]byte, min(size, 2*filled))
		copy(grown, body)
		body = grown
	}
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read frame: %w", err)
}
