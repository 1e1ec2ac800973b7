package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/live"
)

const (
	mimeEventStream   = "text/event-stream"
	headerLastEventID = "Last-Event-Id" // in canonical form
)

const (
	// heartbeat is how long a stream is silent at most: proxies close connections on which nothing comes, and a client
	// that is gone without a word is noticed when it is written to.
	heartbeat = 15 * time.Second

	// eventTimeout bounds the writing of an event, after which a client that reads nothing is dropped, and
	// eventBufferBytes what the system keeps for one until then.
	eventTimeout     = 10 * time.Second
	eventBufferBytes = 16 << 10

	// Streams end, so that those of a process are spread over all again, and that whoever watches an order shows again who
	// it is: a session that was ended, or a key that was withdrawn, is noticed then. Clients come back after about
	// reconnectPause, with the id of the last event that they have. All are drawn, so that not all clients of a sale, or of
	// a process that has stopped, come back in the same moment.
	orderStreamLife     = 5 * time.Minute // at most
	screeningStreamLife = 45 * time.Minute
	reconnectPause      = 2 * time.Second
)

// drawAround draws a time that is up to a half shorter or longer.
func drawAround(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// drawUpTo draws a time between a third of the longest and the longest.
func drawUpTo(longest time.Duration) time.Duration { return longest/3 + rand.N(longest-longest/3) }

// eventStream sends each new state of what is watched as a server-sent event (HTML standard, section 9.2).
//
// It takes the connection from net/http, and with it the buffers, the second goroutine and the deep stack of a request in
// progress, which are most of what an open stream would take. Its goroutine waits in a read of the connection, from which
// nothing may come: the read ends when the client goes, at its deadline when a heartbeat is due, and when Wake moves the
// deadline into the past.
type eventStream[T comparable] struct {
	feed   *live.Stream[T]
	encode func(T, time.Time) (live.Event, error)
	final  func(T) bool // no other state follows
	now    func() time.Time
	lastID string    // of the newest event that the client has
	rest   string    // what events leave out, as this stream has told it; empty: not yet
	until  time.Time // by the clock of this machine: when the stream ends

	conn    net.Conn
	woken   atomic.Bool
	nothing [1]byte
}

// takeConnection takes the client's connection from the server and sends the headers. The answer has neither a length nor
// chunks: it ends with the connection.
func takeConnection(c echo.Context) (net.Conn, error) {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, mimeEventStream)
	header.Set("X-Accel-Buffering", "no") // nginx would keep events until they fill a buffer
	conn, _, err := http.NewResponseController(c.Response().Writer).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take connection: %w", err)
	}
	c.Response().Committed = true
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(eventBufferBytes)
	}
	head := http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: -1, Close: true}
	var text bytes.Buffer
	err = errors.Join(err, head.Write(&text))
	fmt.Fprintf(&text, "retry: %d\n\n", drawAround(reconnectPause).Milliseconds())
	if err := errors.Join(err, writeWithin(conn, text.Bytes())); err != nil {
		return nil, errors.Join(fmt.Errorf("begin stream: %w", err), conn.Close())
	}
	return conn, nil
}

// Wake makes the stream look for a newer state.
func (s *eventStream[T]) Wake() {
	s.woken.Store(true)
	_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // it fails on a closed connection, whose reads fail, too
}

// Close ends the stream at once, whatever it does.
func (s *eventStream[T]) Close() error { return s.conn.Close() }

// run sends events until the client or the process goes, the state is final or the stream's time is over. An error is of
// encoding, or of a client that reads nothing.
func (s *eventStream[T]) run() error {
	for {
		if state := s.feed.Newest(); state != nil {
			if err := s.send(state); err != nil {
				return err
			}
			if s.final(state.Value) {
				return nil
			}
		}
		silence := min(heartbeat, time.Until(s.until))
		if silence <= 0 {
			return nil
		}
		if err := s.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return nil // closed
		}
		if s.woken.Swap(false) { // before the deadline was set, which has undone what Wake did to it
			continue
		}
		_, err := s.conn.Read(s.nothing[:])
		switch {
		case s.woken.Swap(false):
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil // the client, or the process, is going
		case time.Until(s.until) > 0:
			if err := writeWithin(s.conn, []byte(":\n\n")); err != nil {
				return err
			}
		}
	}
}

// send sends a state, unless the client has it. While a client is slow nothing waits for it in memory: when it has read, it
// gets what is newest then.
func (s *eventStream[T]) send(state *live.State[T]) error {
	event, err := state.Event(s.now(), s.encode)
	if err != nil || event.ID == s.lastID {
		return err
	}
	s.lastID = event.ID
	if event.Short != nil && event.Rest == s.rest {
		return writeWithin(s.conn, event.Short)
	}
	s.rest = event.Rest
	return writeWithin(s.conn, event.Text)
}

func writeWithin(conn net.Conn, text []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return fmt.Errorf("write to stream: %w", err)
	}
	if _, err := conn.Write(text); err != nil {
		return fmt.Errorf("write to stream: %w", err)
	}
	return nil
}

// eventID is the same for answers that say the same, in every process. They are given without the time of the answer.
func eventID(answer any) (string, error) {
	said, err := json.Marshal(answer)
	if err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	hash := fnv.New64a()
	_, _ = hash.Write(said) // it never fails
	return strconv.FormatUint(hash.Sum64(), 16), nil
}

// encodeEvent writes an event: its kind, its id and the answer as one line of JSON.
func encodeEvent(kind, id string, answer any) (live.Event, error) {
	data, err := json.Marshal(answer)
	if err != nil {
		return live.Event{}, fmt.Errorf("encode event: %w", err)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "event: %s\nid: %s\ndata: %s\n\n", kind, id, data)
	return live.Event{ID: id, Text: text.Bytes()}, nil
}
