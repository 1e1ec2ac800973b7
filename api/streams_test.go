package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/identity"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	orderStream     = "/v1/orders/" + orderID + "/events"
	screeningStream = "/v1/screenings/" + screeningID + "/events"
)

// streamFixture is an office whose server and clients speak over pipes, so that the clock of a synctest bubble is that of
// all deadlines. What the database says is set by the tests.
type streamFixture struct {
	*fixture
	t      *testing.T
	server *http.Server
	dial   chan net.Conn
	closed sync.Once

	mu        sync.Mutex
	row       *order.Order // of alice's order
	away      bool         // the database
	available int64
	texts     stock.Texts
}

// inBubble runs a test of streams by the clock of a bubble.
func inBubble(t *testing.T, test func(*testing.T, *streamFixture), change ...func(*Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &streamFixture{fixture: newFixture(t, change...), t: t, dial: make(chan net.Conn), available: 97}
		f.orders.find = f.find
		f.stock.seen = f.screenings
		f.server = NewServer(f.handler)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.live.Run(ctx) })
		running.Go(func() { _ = f.server.Serve(f) }) // its error is that it was closed
		defer func() {
			f.live.Close()
			stop()
			if err := f.server.Close(); err != nil {
				t.Error(err)
			}
			running.Wait()
		}()
		test(t, f)
	})
}

// Accept, Close and Addr make the fixture the listener of its server.
func (f *streamFixture) Accept() (net.Conn, error) {
	conn, open := <-f.dial
	if !open {
		return nil, net.ErrClosed
	}
	return fromLoopback{conn}, nil
}

// fromLoopback is a connection whose client has an address.
type fromLoopback struct{ net.Conn }

func (fromLoopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (f *streamFixture) Close() error     { f.closed.Do(func() { close(f.dial) }); return nil }
func (f *streamFixture) Addr() net.Addr   { return &net.TCPAddr{} }

func (f *streamFixture) find(ids ...string) (map[string]order.Order, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, order.ErrUnavailable
	}
	rows := map[string]order.Order{}
	for _, id := range ids {
		if id == orderID && f.row != nil {
			rows[id] = *f.row
		}
	}
	return rows, nil
}

func (f *streamFixture) screenings() (map[string]stock.Screening, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, stock.ErrUnavailable
	}
	s := testScreening()
	s.Available, s.Texts = f.available, f.texts
	return map[string]stock.Screening{screeningID: s}, nil
}

// becomes changes the row of alice's order.
func (f *streamFixture) becomes(state order.State, reason order.CancelReason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.row = &order.Order{Order: testOrder(), State: state, CancelReason: reason}
}

func (f *streamFixture) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// client is an open stream, or the answer that refused it.
type client struct {
	t    *testing.T
	conn net.Conn
	*http.Response
	lines *bufio.Reader
}

// sentEvent is what a client has received: an event, a heartbeat, or the end.
type sentEvent struct {
	kind, id, data string
	heartbeat, end bool
}

func (e sentEvent) order(t *testing.T) orderAnswer {
	t.Helper()
	var answer orderAnswer
	if err := json.Unmarshal([]byte(e.data), &answer); err != nil || e.kind != "order" {
		t.Fatalf("%+v is no event of an order: %v", e, err)
	}
	return answer
}

// open asks for a stream, and reads its beginning when it is given.
func (f *streamFixture) open(path, token string, header ...string) *client {
	f.t.Helper()
	near, far := net.Pipe()
	f.dial <- far
	request, err := http.NewRequest(http.MethodGet, "http://shop"+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	go func() { _ = request.Write(near) }() // a refusal may come first
	lines := bufio.NewReader(near)
	response, err := http.ReadResponse(lines, request) //nolint:bodyclose // leave closes it with its connection
	if err != nil {
		f.t.Fatal(err)
	}
	c := &client{t: f.t, conn: near, Response: response, lines: bufio.NewReader(response.Body)}
	f.t.Cleanup(c.leave)
	if response.StatusCode == http.StatusOK {
		if first := c.line(); !strings.HasPrefix(first, "retry: ") || c.line() != "" {
			f.t.Fatalf("the stream begins with %q", first)
		}
	}
	return c
}

func (f *streamFixture) openOrder(header ...string) *client {
	f.t.Helper()
	return f.open(orderStream, tokenFor(f.t, "alice", roleBuyer), header...)
}

func (c *client) leave() {
	_ = c.conn.Close()
	_ = c.Body.Close()
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// next waits for what comes next.
func (c *client) next() (e sentEvent) {
	c.t.Helper()
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return sentEvent{end: true}
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case ":":
			e.heartbeat = true
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			return e
		default:
			c.t.Fatalf("line %q in a stream", line)
		}
	}
}

// nextIn is next, and how long it took.
func (c *client) nextIn() (sentEvent, time.Duration) {
	c.t.Helper()
	began := time.Now()
	return c.next(), time.Since(began)
}

func (f *streamFixture) wantRefused(c *client, status int, code string) {
	f.t.Helper()
	var p problemBody
	if err := json.NewDecoder(c.Body).Decode(&p); err != nil {
		f.t.Fatal(err)
	}
	if c.StatusCode != status || p.Code != code {
		f.t.Errorf("answer %d %s, want %d %s", c.StatusCode, p.Code, status, code)
	}
	retries := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if after := c.Header.Get("Retry-After"); retries != (after != "") {
		f.t.Errorf("answer %d with Retry-After %q", status, after)
	}
}

// From 202 on, when there is no row yet, to the last state, after which nobody need come back.
func TestStreamShowsEachStateOfAnOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		c := f.openOrder()
		if got := c.Header; got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" ||
			got.Get("X-Accel-Buffering") != "no" || c.ContentLength != -1 {
			t.Errorf("headers %v", got)
		}
		ids := map[string]bool{}
		var last sentEvent
		for _, step := range []struct {
			state  order.State
			reason order.CancelReason
			want   string
		}{
			{"", "", "reserved"}, {order.PendingPayment, "", "pending_payment"}, {order.Paid, "", "paid"},
			{order.Cancelled, order.CancelByOffice, "cancelled"},
		} {
			if step.state != "" {
				f.becomes(step.state, step.reason)
			}
			e, took := c.nextIn()
			if got := e.order(t); string(got.Status) != step.want || got.ID != orderID || took > 250*time.Millisecond {
				t.Errorf("after %v: %+v, want %s", took, got, step.want)
			}
			get := f.send(t, ask{method: "GET", path: "/v1/orders/" + orderID, token: tokenFor(t, "alice", roleBuyer)})
			if e.data != get.Body.String() {
				t.Errorf("event %s, but GET answers %s", e.data, get.Body)
			}
			ids[e.id], last = true, e
		}
		if len(ids) != 4 {
			t.Errorf("%d ids for 4 states", len(ids))
		}
		if e := c.next(); !e.end {
			t.Errorf("after the last state comes %+v", e)
		}
		if again := f.openOrder("Last-Event-ID", last.id); again.StatusCode != http.StatusNoContent {
			t.Errorf("reconnect after the last state: %d, want 204", again.StatusCode)
		}
		fresh := f.openOrder("Last-Event-ID", "of another state")
		if got := fresh.next(); got.id != last.id || !fresh.next().end {
			t.Errorf("reconnect before the last state: %+v, want it and the end", got)
		}
	})
}

func TestStreamBeginsWithWhatTheClientLacks(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		f.becomes(order.PendingPayment, "")
		c := f.openOrder()
		pending := c.next()
		c.leave()
		same := f.openOrder("Last-Event-ID", pending.id)
		if e, took := same.nextIn(); !e.heartbeat || took < heartbeat {
			t.Errorf("after %v %+v comes for a client that knows the state", took, e)
		}
		same.leave()
		f.becomes(order.Paid, "")
		if e := f.openOrder("Last-Event-ID", pending.id).next(); e.order(t).Status != "paid" {
			t.Errorf("reconnect after a change: %+v, want paid", e)
		}
	})
}

// Each event of a sale had the description of its screening, up to 4,000 characters, for each of a crowd.
func TestStreamOfAScreeningTellsItsTextsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		first := stock.Texts{Description: "A long story.", PosterURL: "https://a.example/p.png", MapURL: "https://a.example/m"}
		f.set(func() { f.texts = first })
		c := f.open(screeningStream, "")
		told := func(event sentEvent) (answer map[string]any) {
			t.Helper()
			if err := json.Unmarshal([]byte(event.data), &answer); err != nil || event.kind != "screening" {
				t.Fatalf("%+v is no event of a screening: %v", event, err)
			}
			return answer
		}
		beginning := c.next()
		if got := told(beginning); got["description"] != first.Description || got["poster_url"] != first.PosterURL || got["map_url"] != first.MapURL {
			t.Errorf("it begins with %v", got)
		}
		f.set(func() { f.available = 96 })
		got := told(c.next())
		for _, name := range []string{"description", "poster_url", "map_url"} {
			if _, told := got[name]; told {
				t.Errorf("%s is told again: %v", name, got)
			}
		}
		if got["available"] != 96.0 || got["movie"] == "" || got["server_time"] == "" {
			t.Errorf("a later event is %v", got)
		}
		f.set(func() { f.texts.Description = "" })
		if got, has := told(c.next())["description"]; got != "" || !has {
			t.Errorf("a text that was taken away is told as %v", got)
		}
		f.set(func() { f.available = 95 })
		if got := told(c.next()); len(got["id"].(string)) == 0 || got["map_url"] != nil {
			t.Errorf("after that comes %v", got)
		}
		again := f.open(screeningStream, "", headerLastEventID, beginning.id) // by whoever has missed the change
		if got, has := told(again.next())["description"]; got != "" || !has {
			t.Errorf("a stream that goes on begins without its texts: %v", got)
		}
	})
}

// A buyer signs out, or a key is withdrawn, while a stream of an order is open: it ends within five minutes, and only who
// may still see the order gets another. What anybody may see stays for about half an hour. Both say that they live.
func TestHeartbeatAndLife(t *testing.T) {
	for path, life := range map[string]struct{ least, most time.Duration }{
		orderStream:     {time.Minute, 5 * time.Minute},
		screeningStream: {15 * time.Minute, 45 * time.Minute},
	} {
		t.Run(path, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *streamFixture) {
				c := f.open(path, tokenFor(t, "alice", roleBuyer))
				began := time.Now()
				c.next()
				for {
					e, took := c.nextIn()
					if e.end {
						break
					}
					if !e.heartbeat || took != heartbeat {
						t.Fatalf("after %v: %+v, want a heartbeat", took, e)
					}
				}
				if lived := time.Since(began); lived < life.least || lived > life.most {
					t.Errorf("the stream lived for %v, want %v to %v", lived, life.least, life.most)
				}
			})
		})
	}
}

func TestStreamEndsWithItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		until := func(end time.Time) string {
			return tokenFor(t, "alice", roleBuyer, func(c jwt.MapClaims) { c["exp"] = end.Unix() })
		}
		c := f.open(orderStream, until(testNow().Add(time.Minute)))
		began := time.Now()
		for !c.next().end {
			continue
		}
		if lived := time.Since(began); lived < time.Minute-time.Second || lived > time.Minute+identity.Leeway {
			t.Errorf("the stream of a token that is good for a minute lived for %v", lived)
		}
		f.wantRefused(f.open(orderStream, until(testNow().Add(-time.Hour))), http.StatusUnauthorized, "unauthorized")
	})
}

func TestStreamsAreForWhoMaySee(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		f.wantRefused(f.open(orderStream, ""), http.StatusUnauthorized, "unauthorized")
		f.wantRefused(f.open(orderStream, tokenFor(t, "boss", roleAdmin)), http.StatusForbidden, "forbidden")
		f.wantRefused(f.open(orderStream, tokenFor(t, "mallory", roleBuyer)), http.StatusNotFound, "not_found")
		f.wantRefused(f.open("/v1/screenings/none/events", ""), http.StatusNotFound, "not_found")
		if n := f.live.Open(); n != 0 {
			t.Errorf("%d streams are open", n)
		}
	})
}

// A client that does not read gets what is newest when it reads, and not what it has missed.
func TestSlowClientGetsTheNewestState(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		c := f.open(screeningStream, "")
		for n := range int64(20) {
			f.set(func() { f.available = n })
			time.Sleep(300 * time.Millisecond)
		}
		var events []sentEvent
		for len(events) == 0 || !strings.Contains(events[len(events)-1].data, `"available":19,`) {
			events = append(events, c.next())
		}
		if len(events) > 2 { // the one that was being written, and the newest
			t.Errorf("%d events for a client that did not read", len(events))
		}
	})
}

func TestClientThatReadsNothingIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		c := f.open(screeningStream, "")
		time.Sleep(eventTimeout / 2)
		if n := f.live.Open(); n != 1 {
			t.Fatalf("%d streams are open, want 1", n)
		}
		time.Sleep(eventTimeout)
		if n := f.live.Open(); n != 0 {
			t.Errorf("%d streams are open after %v without reading", n, eventTimeout)
		}
		if e := c.next(); !e.end {
			t.Errorf("a dropped client gets %+v", e)
		}
	})
}

// A phone whose network comes and goes has streams that it cannot end. Its buyer is not refused: the oldest of them ends.
func TestNewestStreamOfABuyerEndsTheOldest(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		gone, kept := f.openOrder(), f.openOrder()
		gone.next()
		kept.next()
		newest := f.openOrder()
		if e := newest.next(); newest.StatusCode != http.StatusOK || e.order(t).ID != orderID {
			t.Errorf("one more stream than a buyer may have: %d %+v", newest.StatusCode, e)
		}
		if e, took := gone.nextIn(); !e.end || took > time.Second {
			t.Errorf("the oldest stream gets %+v after %v, want its end", e, took)
		}
		if e := kept.next(); !e.heartbeat {
			t.Errorf("the stream between gets %+v, want a heartbeat", e)
		}
		synctest.Wait()
		if n := f.live.Open(); n != testBuyerStreams {
			t.Errorf("%d streams are open, want %d", n, testBuyerStreams)
		}
	})
}

// Streams are not requests in flight.
func TestStreamsLeaveRoomForRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		for range 3 {
			f.open(screeningStream, "").next()
		}
		if w := f.send(t, ask{method: "GET", path: "/v1/screenings/" + screeningID}); w.Code != http.StatusOK {
			t.Errorf("a request beside streams: %d %s", w.Code, w.Body)
		}
	}, func(o *Options) { o.MaxInFlight = 1 })
}

func TestShutdownEndsAThousandStreamsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		var clients []*client
		for range 1000 {
			c := f.open(screeningStream, "")
			c.next()
			clients = append(clients, c)
		}
		f.wantRefusedAfter(clients)
		began := time.Now()
		f.live.Close()
		if err := f.server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		for _, c := range clients {
			if e := c.next(); !e.end {
				t.Fatalf("a client gets %+v from a process that has stopped", e)
			}
		}
	})
}

// wantRefusedAfter fills the places of an address and of the process.
func (f *streamFixture) wantRefusedAfter(clients []*client) {
	f.t.Helper()
	f.open(screeningStream, "").next() // the last one of this address
	f.wantRefused(f.open(screeningStream, ""), http.StatusTooManyRequests, "rate_limited")
	if n := f.live.Open(); n != len(clients)+1 {
		f.t.Errorf("%d streams are open, want %d", n, len(clients)+1)
	}
}

func TestStoppingProcessTakesNoStreams(t *testing.T) {
	inBubble(t, func(_ *testing.T, f *streamFixture) {
		f.live.Close()
		f.wantRefused(f.openOrder(), http.StatusServiceUnavailable, "busy")
	})
}

// While the database is away a stream says nothing but that it lives; then it says what has become of its order.
func TestStreamWhileTheDatabaseIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, f *streamFixture) {
		f.becomes(order.PendingPayment, "")
		c := f.openOrder()
		s := f.open(screeningStream, "")
		c.next()
		s.next()
		f.set(func() { f.away = true })
		if c, s := c.next(), s.next(); !c.heartbeat || !s.heartbeat {
			t.Errorf("the database is away: %+v and %+v, want heartbeats", c, s)
		}
		f.set(func() { f.away, f.available = false, 12 })
		f.becomes(order.Paid, "")
		if e := c.next(); e.order(t).Status != "paid" {
			t.Errorf("the database is back: %+v", e)
		}
		if e := s.next(); !strings.Contains(e.data, `"available":12`) {
			t.Errorf("the database is back: %+v", e)
		}
		if n := strings.Count(f.log.String(), `"level":"WARN"`); n != 0 {
			t.Errorf("%d warnings, want none, because the watch of the databases tells of an outage:\n%s", n, f.log)
		}
	})
}

func TestStreamsTurnedOff(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Live = nil })
	for _, path := range []string{orderStream, screeningStream} {
		wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)}), http.StatusNotFound, "not_found")
	}
}
