package broker_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"boxoffice/broker/remoting"
)

// onPurpose lists in what the embedded broker's frames differ from the recorded
// ones, and the line of SKIPPED.md that says so.
func onPurpose() []struct{ file, path, line string } {
	return []struct{ file, path, line string }{
		{"105-route", "/body/<bare number keys>", "| Broker ids in routes (105, 106) |"},
		{"106-cluster", "/body/<bare number keys>", "| Broker ids in routes (105, 106) |"},
		{"034-heartbeat-*", "/ext", "| Answer to a heartbeat |"},
		{"017-create", "/remark", "| Remark of an answer without an error |"},
		{"037-end-*", "/remark", "| Remark of an answer without an error |"},
	}
}

// exchange is one thing that a broker is asked, or does by itself.
type exchange struct {
	file string
	run  func(*talk) *remoting.Frame
}

// talk is the state of the exchanges, which follow each other.
type talk struct {
	*site
	w            *wire
	ns           *wire
	topic, group string
	sellers      string
	sent, half   *remoting.Frame
}

// TestGoldenFrames compares the broker's frames with those that a real one has
// sent. BOXOFFICE_RECORD_GOLDEN=1 with BOXOFFICE_TEST_NAMESRV records them anew.
func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	record := os.Getenv("BOXOFFICE_RECORD_GOLDEN") != ""
	if record && s.embedded != nil {
		t.Fatal("only a real broker is recorded: set BOXOFFICE_TEST_NAMESRV")
	}
	k := &talk{site: s, w: s.wire(), ns: dialWire(t, s.nameserver), group: s.name("readers"), sellers: s.name("sellers")}
	k.topic = s.topic("golden", 2)
	p := placeholders{
		names: map[string]string{s.broker: "<broker>", s.cluster: "<cluster>"},
		parts: strings.NewReplacer(s.run, "<run>"),
	}
	var found []difference
	seen := map[string]bool{}
	for _, list := range [][]exchange{routing(), sending(), ending(), reading(), grouping(), returning()} {
		for _, e := range list {
			got := p.frame(t, e.run(k))
			file := filepath.Join("testdata", "golden", e.file+".json")
			seen[file] = true
			if record {
				saveGolden(t, file, got)
			}
			found = append(found, differences(t, e.file, loadGolden(t, file), got)...)
		}
	}
	checkDifferences(t, found, s.embedded != nil)
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	if err != nil || len(files) != len(seen) {
		t.Errorf("%d golden files for %d exchanges, %v", len(files), len(seen), err)
	}
}

// checkDifferences lets pass what is on purpose, and wants each purpose to be in use.
func checkDifferences(t *testing.T, found []difference, embedded bool) {
	t.Helper()
	skipped, err := os.ReadFile("SKIPPED.md")
	if err != nil {
		t.Fatal(err)
	}
	used := make([]bool, len(onPurpose()))
	for _, d := range found {
		allowed := false
		for i, one := range onPurpose() {
			file, err := filepath.Match(one.file, d.file)
			if err != nil {
				t.Fatal(err)
			}
			if embedded && file && strings.HasPrefix(d.path, one.path) {
				used[i], allowed = true, true
			}
		}
		if !allowed {
			t.Error(d)
		}
	}
	for i, one := range onPurpose() {
		if embedded && !used[i] {
			t.Errorf("%s%s does not differ any more", one.file, one.path)
		}
		if !strings.Contains(string(skipped), one.line) {
			t.Errorf("SKIPPED.md does not say %q", one.line)
		}
	}
}

func saveGolden(t *testing.T, file string, g golden) {
	t.Helper()
	var raw bytes.Buffer
	out := json.NewEncoder(&raw)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(g); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func loadGolden(t *testing.T, file string) golden {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatalf("decode %s: %v", file, err)
	}
	return g
}

// ask is an exchange of one request and its answer.
func ask(file string, code int, ext func(*talk) map[string]string, body func(*talk) []byte) exchange {
	return exchange{file, func(k *talk) *remoting.Frame {
		var raw []byte
		if body != nil {
			raw = body(k)
		}
		var fields map[string]string
		if ext != nil {
			fields = ext(k)
		}
		return k.w.ask(code, fields, raw)
	}}
}

func text(s string) func(*talk) []byte { return func(*talk) []byte { return []byte(s) } }

// queue is the ext fields that name the first queue, and more.
func queue(more ...string) func(*talk) map[string]string {
	return func(k *talk) map[string]string {
		ext := map[string]string{"topic": k.topic, "queueId": "0"}
		for i := 0; i < len(more); i += 2 {
			ext[more[i]] = strings.ReplaceAll(more[i+1], "<group>", k.group)
		}
		return ext
	}
}

func routing() []exchange {
	route := func(topic func(*talk) string) func(*talk) *remoting.Frame {
		return func(k *talk) *remoting.Frame {
			return k.ns.ask(remoting.GetRouteInfoByTopic, map[string]string{"topic": topic(k)}, nil)
		}
	}
	return []exchange{
		{"105-route", route(func(k *talk) string { return k.topic })},
		{"105-route-unknown", route(func(k *talk) string { return k.topic + "-no" })},
		{"106-cluster", func(k *talk) *remoting.Frame { return k.ns.ask(remoting.GetBrokerClusterInfo, nil, nil) }},
		ask("017-create", remoting.UpdateAndCreateTopic, func(k *talk) map[string]string { return createExt(k.topic, 2) }, nil),
		ask("017-create-illegal", remoting.UpdateAndCreateTopic, func(*talk) map[string]string { return createExt("no topic", 2) }, nil),
	}
}

func sending() []exchange {
	plain := func(k *talk) map[string]string {
		return sendExt(k.topic, map[string]string{"UNIQ_KEY": "key", "TAGS": "red", "KEYS": "k"})
	}
	return []exchange{
		{"010-send", func(k *talk) *remoting.Frame {
			k.sent = k.w.ask(remoting.SendMessage, plain(k), []byte("plain"))
			return k.sent
		}},
		ask("010-send-delayed", remoting.SendMessage, func(k *talk) map[string]string {
			ext := sendExt(k.topic, map[string]string{"UNIQ_KEY": "key", "DELAY": "1", "TAGS": "late"})
			ext["queueId"] = "1"
			return ext
		}, text("delayed")),
		ask("010-send-unknown-topic", remoting.SendMessage, func(k *talk) map[string]string {
			return sendExt(k.topic+"-no", nil)
		}, text("x")),
		ask("010-send-too-large", remoting.SendMessage, plain, func(*talk) []byte { return make([]byte, 4<<20+1) }),
		ask("010-send-no-queue", remoting.SendMessage, func(k *talk) map[string]string {
			ext := plain(k)
			ext["queueId"] = "7"
			return ext
		}, text("x")),
		ask("310-send-v2", remoting.SendMessageV2, func(k *talk) map[string]string { return shortExt(plain(k), "1", false) }, text("short")),
		ask("320-send-batch", remoting.SendBatchMessage, func(k *talk) map[string]string {
			return shortExt(sendExt(k.topic, nil), "1", true)
		}, func(*talk) []byte {
			return append(batchItem("one", "UNIQ_KEY\x01one\x02"), batchItem("two", "UNIQ_KEY\x01two\x02")...)
		}),
	}
}

// shortExt renames the fields of a send request as 310 and 320 have them.
func shortExt(long map[string]string, queueID string, batch bool) map[string]string {
	short := map[string]string{"k": "false", "l": "16", "m": strconv.FormatBool(batch), "e": queueID}
	for name, letter := range map[string]string{
		"producerGroup": "a", "topic": "b", "defaultTopic": "c", "defaultTopicQueueNums": "d", "sysFlag": "f",
		"bornTimestamp": "g", "flag": "h", "properties": "i", "reconsumeTimes": "j",
	} {
		short[letter] = long[name]
	}
	return short
}
