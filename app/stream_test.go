//go:build !race

package app

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// streamClient is an open stream of an office.
type streamClient struct {
	t      *testing.T
	answer *http.Response
	data   chan string // of each event; closed at the end
}

// stream opens a stream, which ends with the test.
func (o *officeTest) stream(path, token string) *streamClient {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.shop+path, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = answer.Body.Close() })
	c := &streamClient{t: o.t, answer: answer, data: make(chan string, 100)}
	go func() {
		defer close(c.data)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if data, isData := strings.CutPrefix(lines.Text(), "data: "); isData {
				c.data <- data
			}
		}
	}()
	return c
}

// nextEvent waits for the next event, which is the zero value at the end of the stream.
func nextEvent[T any](c *streamClient) (event T) {
	c.t.Helper()
	select {
	case data, open := <-c.data:
		if open {
			if err := json.Unmarshal([]byte(data), &event); err != nil {
				c.t.Fatalf("event %q: %v", data, err)
			}
		}
	case <-time.After(testDeadline):
		c.t.Fatal("no event in time")
	}
	return event
}

// A buyer's stream is at one process, and all that happens to the order at another.
func TestStreamShowsWhatAnotherProcessDecides(t *testing.T) {
	h := newHome(t)
	watched, other := newOfficeAt(t, h, "-roles", "api"), newOfficeAt(t, h)
	screening := other.addScreening(10, 0)
	tickets := watched.stream("/v1/screenings/"+screening+"/events", "")
	untilAvailable := func(want int64) {
		t.Helper()
		for got := (screeningJSON{}); got.ID == "" || got.Available != want; {
			if got = nextEvent[screeningJSON](tickets); got.ID != screening {
				t.Fatalf("the stream ends or shows another screening: %+v", got)
			}
		}
	}
	untilAvailable(10)
	order := other.mustBuy("alice", screening, 1)
	token := bearer(t, "alice", "buyer")
	untilAvailable(9)
	mine := watched.stream("/v1/orders/"+order.ID+"/events", token)
	until := func(status string) {
		t.Helper()
		for got := (orderJSON{}); got.Status != status; {
			if got = nextEvent[orderJSON](mine); got.ID != order.ID {
				t.Fatalf("the stream ends or shows another order before the order is %s: %+v", status, got)
			}
		}
	}
	until("pending_payment")
	if result := other.callback("pay-1", order.ID, 1); result != "applied" {
		t.Fatalf("payment: %s", result)
	}
	until("paid")
	cancel := other.must("POST", "/v1/admin/orders/"+order.ID+"/cancel", bearer(t, "boss", "admin"), `{"note":"the hall is closed"}`)
	if cancel.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", cancel.status, cancel.body)
	}
	until("cancelled")
	if got := nextEvent[orderJSON](mine); got.ID != "" {
		t.Errorf("after the last state the stream shows %+v", got)
	}
	untilAvailable(10)
	foreign := watched.stream("/v1/orders/"+order.ID+"/events", bearer(t, "mallory", "buyer"))
	if foreign.answer.StatusCode != http.StatusNotFound {
		t.Errorf("another buyer's stream: %d, want 404", foreign.answer.StatusCode)
	}
}

// An office does not wait for its streams, whose clients would stay for minutes.
func TestOfficeStopsAlthoughStreamsAreOpen(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	c := o.stream("/v1/screenings/"+screening+"/events", "")
	nextEvent[screeningJSON](c)
	if n := o.metrics()["boxoffice_streams_open"]; n != 1 {
		t.Errorf("%v streams are open, want 1", n)
	}
	began := time.Now()
	o.stop()
	if got := nextEvent[screeningJSON](c); got.ID != "" {
		t.Errorf("after the end comes %+v", got)
	}
	if took := time.Since(began); took > drainTimeout/2 {
		t.Errorf("the office took %v to stop", took)
	}
}

func TestStreamsAreASetting(t *testing.T) {
	o := newOffice(t, "-max-streams", "0")
	c := o.stream("/v1/screenings/"+o.addScreening(10, 0)+"/events", "")
	body, err := io.ReadAll(c.answer.Body)
	if c.answer.StatusCode != http.StatusNotFound {
		t.Errorf("a stream where there are none: %d %s %v, want 404", c.answer.StatusCode, body, err)
	}
}
