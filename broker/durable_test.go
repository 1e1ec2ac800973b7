package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"boxoffice/broker/internal/commitlog"
	"boxoffice/broker/internal/store"
	"boxoffice/broker/remoting"
)

// gate lets a test stop and fail the fsyncs of log segments.
type gate struct {
	waiting chan struct{} // gets a value when a Sync begins while closed
	open    chan error    // each value lets one Sync end, with that error
	closed  atomic.Bool
	full    atomic.Bool // no write finds room
	broken  atomic.Bool // no read succeeds
	refused atomic.Int64
}

func newGate() *gate {
	return &gate{waiting: make(chan struct{}, 64), open: make(chan error, 64)}
}

type gatedFile struct {
	commitlog.File
	gate *gate
}

func (f gatedFile) Sync() error {
	if f.gate.closed.Load() {
		f.gate.waiting <- struct{}{}
		if err := <-f.gate.open; err != nil {
			return err
		}
	}
	return f.File.Sync()
}

func (f gatedFile) WriteAt(p []byte, offset int64) (int, error) {
	if f.gate.full.Load() {
		f.gate.refused.Add(1)
		return 0, syscall.ENOSPC
	}
	return f.File.WriteAt(p, offset)
}

func (f gatedFile) ReadAt(p []byte, offset int64) (int, error) {
	if f.gate.broken.Load() {
		return 0, syscall.EIO
	}
	return f.File.ReadAt(p, offset)
}

func (g *gate) openFile(name string, flag int, perm fs.FileMode) (commitlog.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return gatedFile{f, g}, nil
}

type testClient struct {
	t      *testing.T
	conn   net.Conn
	frames *remoting.Reader
}

func dial(t *testing.T, b *Broker) *testClient {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &testClient{t, conn, remoting.NewReader(conn)}
}

func (c *testClient) send(code int, ext string, body string) {
	c.t.Helper()
	f := &remoting.Frame{Code: code, Ext: make(map[string]string), Body: []byte(body)}
	for pair := range strings.FieldsSeq(ext) {
		k, v, _ := strings.Cut(pair, "=")
		f.Ext[k] = v
	}
	raw, err := remoting.AppendFrame(nil, f)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(raw); err != nil {
		c.t.Fatal(err)
	}
}

func (c *testClient) read() *remoting.Frame {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	f, err := c.frames.Read()
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

const sendFields = "producerGroup=p topic=t queueId=0 sysFlag=0 bornTimestamp=1 defaultTopicQueueNums=1"

func gatedBroker(t *testing.T) (*Broker, *gate) {
	t.Helper()
	g := newGate()
	b := RunT(t, func(o *options) { o.store.OpenFile = g.openFile })
	if _, err := b.store.Topics.Put(store.OpenTopic("t", 1)); err != nil {
		t.Fatal(err)
	}
	return b, g
}

func TestNothingIsAnsweredOrVisibleBeforeTheDisk(t *testing.T) {
	b, g := gatedBroker(t)
	sender, reader := dial(t, b), dial(t, b)
	sender.send(remoting.SendMessage, sendFields, "before")
	sender.read()
	g.closed.Store(true)
	sender.send(remoting.SendMessage, sendFields, "x")
	<-g.waiting
	// The send is written and waits for its fsync. The same connection answers
	// what comes after it; the send itself must not be answered yet.
	sender.send(remoting.GetMaxOffset, "topic=t queueId=0", "")
	if f := sender.read(); f.Ext["offset"] != "1" {
		t.Errorf("first answer: %v, want maximum offset 1", f.Ext)
	}
	reader.send(remoting.PullMessage, "consumerGroup=g topic=t queueId=0 queueOffset=0 maxMsgNums=32 sysFlag=4 subscription=*", "")
	if f := reader.read(); f.Code != remoting.Success || f.Ext["nextBeginOffset"] != "1" {
		t.Errorf("pull: answer %d, next %s, want only the first message", f.Code, f.Ext["nextBeginOffset"])
	}
	if n := len(b.Messages("t")); n != 1 {
		t.Errorf("%d messages visible before the fsync, want 1", n)
	}
	g.closed.Store(false)
	g.open <- nil
	if f := sender.read(); f.Code != remoting.Success || f.Ext["msgId"] == "" {
		t.Errorf("send: answer %d %s", f.Code, f.Remark)
	}
	if n := len(b.Messages("t")); n != 2 {
		t.Errorf("%d messages after the fsync, want 2", n)
	}
}

// After a failed fsync nobody knows what is on the disk: the send must not be
// acknowledged, and neither may any later one.
func TestFailedFsyncIsNeverAcknowledged(t *testing.T) {
	b, g := gatedBroker(t)
	c := dial(t, b)
	g.closed.Store(true)
	c.send(remoting.SendMessage, sendFields, "x")
	<-g.waiting
	g.closed.Store(false)
	g.open <- errors.New("input/output error")
	for range 2 {
		if f := c.read(); f.Code != remoting.ServiceNotAvailable {
			t.Fatalf("answer %d, want %d", f.Code, remoting.ServiceNotAvailable)
		}
		c.send(remoting.SendMessage, sendFields, "y")
	}
	if n := len(b.Messages("t")); n != 0 {
		t.Errorf("%d messages visible", n)
	}
	select {
	case <-b.Failed():
	case <-time.After(20 * time.Second):
		t.Error("the broker does not say that it has failed")
	}
	if err := b.Failure(); err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Errorf("failure: %v", err)
	}
	if err := b.Close(); err == nil {
		t.Error("Close does not tell that the log has failed")
	}
}

// One write for which there was no room stopped the broker for good. Now sends are refused, in words, until there is
// room, and a delayed message that falls due meanwhile waits.
func TestFullDiskRefusesUntilThereIsRoom(t *testing.T) {
	b, g := gatedBroker(t)
	c, first := dial(t, b), dial(t, b)
	c.send(remoting.SendMessage, sendFields, "before")
	c.read()
	c.send(remoting.SendMessage, sendFields+" properties=DELAY\x015\x02", "delayed") // a minute: it must not be the one that waits
	c.read()
	g.full.Store(true)
	first.send(remoting.SendMessage, sendFields, "taken, and waits for room")
	for g.refused.Load() < 2 { // by its second try the log refuses others
		runtime.Gosched()
	}
	for range 3 {
		c.send(remoting.SendMessage, sendFields, "refused")
		f := c.read()
		if f.Code != remoting.ServiceNotAvailable || !strings.Contains(f.Remark, "no space left on device") {
			t.Fatalf("answer %d %q, want a refusal that says why", f.Code, f.Remark)
		}
	}
	b.Advance(2 * time.Minute)
	if n := b.store.Delays.Pending(); n != 1 {
		t.Errorf("%d delayed messages wait, want the one that found no room", n)
	}
	g.full.Store(false)
	if f := first.read(); f.Code != remoting.Success {
		t.Errorf("answer %d %q to the send that waited", f.Code, f.Remark)
	}
	c.send(remoting.SendMessage, sendFields, "after")
	if f := c.read(); f.Code != remoting.Success {
		t.Errorf("answer %d %q once there is room", f.Code, f.Remark)
	}
	b.Advance(0)
	var bodies []string
	for _, m := range b.Messages("t") {
		bodies = append(bodies, string(m.Body))
	}
	slices.Sort(bodies)
	if want := []string{"after", "before", "delayed", "taken, and waits for room"}; !slices.Equal(bodies, want) {
		t.Errorf("messages %q, want %q", bodies, want)
	}
	select {
	case <-b.Failed():
		t.Errorf("failed: %v", b.Failure())
	default:
	}
}

// A consumer's retry that could not be stored was answered with an error, which the Go client takes for a stored retry:
// the message was lost to its group.
func TestRetryThatFindsNoRoomIsNotAnswered(t *testing.T) {
	b, g := gatedBroker(t)
	c, first := dial(t, b), dial(t, b)
	c.send(remoting.SendMessage, sendFields, "x")
	sent := c.read()
	_, offset, err := remoting.ParseMessageID(sent.Ext["msgId"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Topics.Ensure(store.RetryTopic("g")); err != nil {
		t.Fatal(err)
	}
	g.full.Store(true)
	first.send(remoting.SendMessage, sendFields, "waits")
	for g.refused.Load() < 2 { // by its second try the log refuses others
		runtime.Gosched()
	}
	c.send(remoting.SendMessage, sendFields, "refused") // from here on whatever is appended is refused
	c.read()
	c.send(remoting.ConsumerSendMsgBack, fmt.Sprintf("group=g offset=%d delayLevel=1", offset), "")
	c.send(remoting.GetMaxOffset, "topic=t queueId=0", "")
	if f := c.read(); f.Ext["offset"] == "" {
		t.Errorf("the retry was answered with %d %q", f.Code, f.Remark)
	}
	g.full.Store(false)
}

// A disk that failed to read a message for a moment had the retry answered with an error, and the message was lost in the same
// way. One that can never be read is answered.
func TestRetryThatCannotBeReadNowIsNotAnswered(t *testing.T) {
	b, g := gatedBroker(t)
	c := dial(t, b)
	c.send(remoting.SendMessage, sendFields, "x")
	_, offset, err := remoting.ParseMessageID(c.read().Ext["msgId"])
	if err != nil {
		t.Fatal(err)
	}
	g.broken.Store(true)
	c.send(remoting.ConsumerSendMsgBack, fmt.Sprintf("group=g offset=%d delayLevel=1", offset), "")
	c.send(remoting.GetMaxOffset, "topic=t queueId=0", "")
	if f := c.read(); f.Ext["offset"] == "" {
		t.Errorf("the retry was answered with %d %q", f.Code, f.Remark)
	}
	g.broken.Store(false)
	c.send(remoting.ConsumerSendMsgBack, fmt.Sprintf("group=g offset=%d delayLevel=1", offset+1), "")
	if f := c.read(); f.Code != remoting.SystemError {
		t.Errorf("a retry of no message was answered with %d %q", f.Code, f.Remark)
	}
}
