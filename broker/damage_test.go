package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/remoting"
)

// damage flips a bit of a text in the newest segment of a broker's log.
func damage(t *testing.T, dir, text string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "0*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("segments %v, %v", names, err)
	}
	name := names[len(names)-1]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(content), text)
	if at < 0 {
		t.Fatalf("%q is not in %s", text, name)
	}
	content[at] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// notes is a log that a test reads while a broker writes it.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(line)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// One flipped bit in the newest segment left 101 of 1,000 durable messages, without a word. Now the broker does not
// start, and says what is lost; and when it is told to go on, consumers are not left beyond the end of their queues,
// where they would miss what comes next.
func TestDamagedLogStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(dir))
	newTopic(t, b, "bulk", 1)
	w := newWire(t, b)
	for i := range 100 {
		w.mustAsk(remoting.SendMessage, sendExt("bulk", nil), fmt.Appendf(nil, "message-%03d", i))
	}
	w.heartbeat("client", nil, map[string][]string{"readers": {"bulk"}})
	w.mustAsk(remoting.UpdateConsumerOffset, map[string]string{
		"consumerGroup": "readers", "topic": "bulk", "queueId": "0", "commitOffset": "100"}, nil)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, dir, "message-010")
	_, err := broker.New(broker.WithDataDir(dir))
	var damaged *broker.DamageError
	if !errors.As(err, &damaged) || damaged.Bytes == 0 || !strings.Contains(err.Error(), damaged.File) {
		t.Fatalf("start on a damaged log: %v", err)
	}
	var log notes
	b = reopen(t, dir, broker.WithCutDamage(true), broker.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if said := log.String(); !strings.Contains(said, "beyond the end of a queue") || !strings.Contains(said, "group=readers topic=bulk") ||
		!strings.Contains(said, "was=100 end=10") {
		t.Errorf("the group that was set back is not named in:\n%s", said)
	}
	if got := bodies(b, "bulk"); len(got) != 10 || got[9] != "message-009" {
		t.Errorf("%d messages, want the 10 before the damage", len(got))
	}
	w = newWire(t, b)
	query := w.mustAsk(remoting.QueryConsumerOffset, map[string]string{"consumerGroup": "readers", "topic": "bulk", "queueId": "0"}, nil)
	if query.Ext["offset"] != "10" {
		t.Errorf("the group is at %s, want 10, the end of its queue", query.Ext["offset"])
	}
	w.mustAsk(remoting.SendMessage, sendExt("bulk", nil), []byte("next"))
	if got := bodies(b, "bulk"); len(got) != 11 || got[10] != "next" {
		t.Errorf("messages %q", got)
	}
}

// An empty or garbled file stopped the start with the words of a JSON decoder. A power failure may well leave one, and a
// flipped bit leaves JSON that says something else: null was an empty list, a misspelt "lowest" was 0, and a queue of -1
// ended the program.
func TestGarbledSideFileSaysWhatToDo(t *testing.T) {
	always := []string{"", "{", `{"a":1}`, "\x00\x00\x00", "null", "[null]", "[{}]", "[]]", "7"}
	for name, contents := range map[string][]string{
		"topics.json": {
			`[{"name":"","readQueues":1,"writeQueues":1,"perm":6}]`, `[{"name":"t","readQueues":-1,"writeQueues":-1,"perm":6}]`,
			`[{"name":"t","readQueues":1,"writeQueues":2000000000,"perm":6}]`, `[{"name":"t","readQueues":1,"writeQueues":1,"pesm":6}]`,
		},
		"offsets.json": {
			`[{"group":"g","topic":"t","queue":-1,"offset":1}]`, `[{"group":"g","topic":"t","queue":0,"ofgset":1}]`,
			`[{"group":"g","topic":"t u","queue":0,"offset":1}]`, `[{"group":"g","topic":"t","queue":0,"offset":1,"offset":2}]`,
		},
		"queues.json": {
			`[{"topic":"t","queue":-1,"lowest":1}]`, `[{"topic":"t","queue":0,"mowest":1}]`, `[{"topic":"t","queue":5000,"lowest":1}]`,
			`[{"topic":"t","queue":0,"lowest":-1}]`, `[{"topic":"t","queue":0,"lowest":1e300}]`,
		},
	} {
		for _, content := range slices.Concat(always, contents) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := broker.New(broker.WithDataDir(dir))
			if err == nil {
				_ = b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("%s holding %q: %v", name, content, err)
			}
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			reopen(t, dir)
		}
	}
}

// The note of how much of the log was durable counted as none when it was garbled, and damage in the last batch was then cut
// off as if a crash had torn it.
func TestGarbledNoteSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(dir))
	newTopic(t, b, "bulk", 1)
	fill(newWire(t, b), "bulk", 1)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "log", "DURABLE")
	for _, content := range []string{"", "\x00\x00\x00", "00000000000000000001 00000000\n"} {
		if err := os.WriteFile(note, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := broker.New(broker.WithDataDir(dir))
		if err == nil {
			_ = b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), note) || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("a note of %q: %v", content, err)
		}
	}
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	if got := bodies(reopen(t, dir), "bulk"); len(got) != 1 {
		t.Errorf("%d messages without the note, want 1", len(got))
	}
}

// A half message that could not be read at its last check ended the pass: all the others of its batch had their checks
// counted and were not asked about, until they too were given up.
func TestUnreadableHalfMessageKeepsNoOtherFromItsCheck(t *testing.T) {
	dir := t.TempDir()
	b := broker.RunT(t, broker.WithDataDir(dir), broker.WithTransactionCheckMax(1))
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	w.heartbeat("client", []string{"sellers"}, nil)
	w.sendHalf("stock", "sellers", "unreadable", nil)
	b.Advance(31 * time.Second)
	w.await(remoting.CheckTransactionState)
	w.sendHalf("stock", "sellers", "healthy", nil)
	damage(t, dir, "unreadable")
	b.Advance(31 * time.Second)
	if check := w.await(remoting.CheckTransactionState); check.Ext["transactionId"] != "key-healthy" {
		t.Errorf("asked about %q, want the half message that can be read", check.Ext["transactionId"])
	}
	if halves := b.HalfMessages(); len(halves) != 1 {
		t.Errorf("%d half messages are open, want the healthy one alone", len(halves))
	}
}

// A client sends one heartbeat for all of its groups, and the first group whose retry topic would have too long a name
// kept out those behind it, in silence.
func TestHeartbeatServesTheGroupsThatItCan(t *testing.T) {
	b := broker.RunT(t)
	newTopic(t, b, "stock", 1)
	w := newWire(t, b)
	long := strings.Repeat("g", 121)
	body := fmt.Sprintf(`{"clientID":"c","producerDataSet":[],"consumerDataSet":[{"groupName":%q,"messageModel":"CLUSTERING",
		"subscriptionDataSet":[]},{"groupName":"good","messageModel":"CLUSTERING","subscriptionDataSet":[]}]}`, long)
	if f := w.ask(remoting.HeartBeat, nil, []byte(body)); f.Code != remoting.SystemError || !strings.Contains(f.Remark, long) {
		t.Errorf("answer %d %q, want one that names the group", f.Code, f.Remark)
	}
	list := w.mustAsk(remoting.GetConsumerListByGroup, map[string]string{"consumerGroup": "good"}, nil)
	if !strings.Contains(string(list.Body), `"c"`) {
		t.Errorf("members of the good group: %s", list.Body)
	}
}
