//go:build !race

package app

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"boxoffice/broker"
)

// lines are the lines of the office's log that contain a word.
func (o *officeTest) lines(word string) (found []string) {
	for line := range strings.Lines(o.stdout.String()) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}

// The log of an office that starts, is managed, loses its queue for a while and stops tells that, and no more.
func TestLogTellsTheLifeOfAnOffice(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	o.mustBuy("alice", screening, 1)
	heal := o.queue.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Drop })
	o.logged("outage begins", `of="message queue"`)
	for range 3 {
		o.buy("bob", screening, "k", 1)
	}
	heal()
	o.logged("outage ends", `of="message queue"`, "lasted=")
	o.stop()
	for word, want := range map[string]int{
		"office starts": 1, "is ready:": 1, "outage begins": 1, "outage ends": 1, "office stops": 1, "office stopped": 1,
		`msg="an operator acted" part=api operator=boss act="POST /v1/screenings" subject=/v1/screenings/` + screening: 1,
		"msg=request": 1, "rocketmq-client": 0, "level=ERROR": 0, testJWTSecret: 0,
	} {
		if got := o.lines(word); len(got) != want {
			t.Errorf("%d lines with %q, want %d: %q", len(got), word, want, got)
		}
	}
	if n := strings.Count(o.stdout.String(), "\n"); n != 8 {
		t.Errorf("%d lines, want 8:\n%s", n, o.stdout)
	}
}

// At level debug an order can be followed by its id, and every line of the format json is an object.
func TestLogFollowsAnOrder(t *testing.T) {
	o := newOffice(t, "-log-level", "debug")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.callback("payment", order.ID, 1)
	o.eventuallyCounters(screening, 9, 0, 1)
	for _, want := range []string{"msg=reserved", "state=PENDING_PAYMENT", "result=applied", "msg=settle"} {
		o.logged(want, order.ID)
	}
	for _, line := range slices.Concat(o.lines("msg=reserved"), o.lines("state=PENDING_PAYMENT")) {
		if !strings.Contains(line, "buyer_id=alice") || !strings.Contains(line, "screening_id="+screening) {
			t.Errorf("line without buyer and screening: %s", line)
		}
	}
}

func TestLogOfObjects(t *testing.T) {
	o := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	o.env = o.environment()
	o.env["BOXOFFICE_LOG_FORMAT"] = "json"
	o.start()
	o.addScreening(10, 0)
	o.stop()
	var messages []string
	for line := range strings.Lines(o.stdout.String()) {
		var entry struct {
			Msg   string `json:"msg"`
			Level string `json:"level"`
			Admin string `json:"admin"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg == "" || entry.Level != "INFO" {
			t.Errorf("line %q: %v", line, err)
		}
		messages = append(messages, entry.Msg)
	}
	if want := []string{"office starts", "office is ready", "an operator acted", "office stops", "office stopped"}; !slices.Equal(messages, want) {
		t.Errorf("messages %q, want %q", messages, want)
	}
}
