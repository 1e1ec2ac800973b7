//go:build !race

package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/scripts/load/traffic"
)

// streamLoad opens many streams in a program of its own, and measures what they cost it.
type streamLoad struct {
	*officeTest
	program   program
	screening string
	conns     []net.Conn

	mu   sync.Mutex
	seen map[string]time.Time // when a stream has shown an order as paid
	read atomic.Int64         // events
}

// newStreamLoad starts a program in this environment, with a screening on sale.
func newStreamLoad(t *testing.T, environment ...string) *streamLoad {
	t.Helper()
	l := &streamLoad{officeTest: newPrograms(t, environment...), seen: map[string]time.Time{}}
	l.program = l.startProgram()
	l.screening = l.addScreening(10_000_000, 0)
	return l
}

// How long a change takes to the screen, what a stream takes of memory, and what streams take from purchases. Ten thousand
// streams take a minute and both processors, so that this runs only when it is asked for:
//
//	BOXOFFICE_TEST_STREAMS=9000 go test ./app -run TestWhatStreamsCost -v -timeout 20m
func TestWhatStreamsCost(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("BOXOFFICE_TEST_STREAMS"))
	if n == 0 {
		t.Skip("set BOXOFFICE_TEST_STREAMS to how many streams to open")
	}
	streams := strconv.Itoa(2 * n) // not all of which may be of screenings
	l := newStreamLoad(t, "BOXOFFICE_PAY_WINDOW", "2h", "BOXOFFICE_MAX_STREAMS", streams)
	var orders []string
	var watches []watch
	for buyer := 0; len(orders) < n; buyer++ {
		name := fmt.Sprint("buyer-", buyer)
		for _, body := range l.purchases(name, 1, buyerStreams, testDeadline) {
			o := decode[orderJSON](t, response{body: body})
			orders, watches = append(orders, o.ID), append(watches, watch{"/v1/orders/" + o.ID + "/events", bearer(t, name, "buyer")})
		}
	}
	orders, watches = orders[:n], watches[:n]
	t.Logf("%d orders", n)

	before := l.memory()
	l.open(watches)
	after := l.memory()
	for _, kind := range []string{"rss", "heap", "stack"} {
		t.Logf("%d streams: %s %.1f MiB -> %.1f MiB, %.1f KiB each",
			n, kind, before[kind]/1024, after[kind]/1024, (after[kind]-before[kind])/float64(n))
	}
	l.latency(orders[:min(n, 1000)])
	l.close()

	l.compare("order streams", watches)
	for i := range watches {
		watches[i].path = "/v1/screenings/" + l.screening + "/events"
	}
	l.compare("streams of the screening on sale", watches)
}

// watch is a stream to open, with the token to open it with.
type watch struct{ path, token string }

// latency pays orders one after the other, and measures from the answer to the callback until a stream shows it.
func (l *streamLoad) latency(orders []string) {
	l.t.Helper()
	answered := map[string]time.Time{}
	for _, id := range orders {
		if result := l.callback("pay-"+id, id, 1); result != "applied" {
			l.t.Fatalf("payment: %s", result)
		}
		answered[id] = time.Now()
	}
	l.eventually("all payments shown", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.seen) == len(orders) })
	var took []time.Duration
	for id, at := range answered {
		took = append(took, l.seen[id].Sub(at))
	}
	l.logQuantiles("from the answer to the callback to the screen", took)
}

func (l *streamLoad) logQuantiles(what string, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(time.Millisecond) }
	l.t.Logf("%s: p50 %v, p99 %v, max %v", what, at(.5), at(.99), at(1))
}

// compare sells without and with streams in turns, and compares the medians.
func (l *streamLoad) compare(what string, watches []watch) {
	const rounds, length = 5, 6 * time.Second
	const burst = 4 * time.Second // in which a crowd is told more than later
	var without, with, workWithout, workWith []float64
	sell := func() (perSecond, work float64) {
		worked := l.metric("process_cpu_seconds_total")
		sold := float64(len(l.purchases("crowd", 32, 0, length)))
		return sold / length.Seconds(), 1e6 * (l.metric("process_cpu_seconds_total") - worked) / sold
	}
	sell() // to warm up
	add := func(perSecond, work *[]float64) {
		n, w := sell()
		*perSecond, *work = append(*perSecond, n), append(*work, w)
	}
	for range rounds {
		add(&without, &workWithout)
		l.open(watches)
		l.purchases("crowd", 32, 0, burst)
		read := l.read.Load()
		add(&with, &workWith)
		l.t.Logf("%s: %.0f/s without, %.0f/s with %d, %.0f events/s", what, without[len(without)-1], with[len(with)-1], len(watches),
			float64(l.read.Load()-read)/length.Seconds())
		l.close()
	}
	l.logMedians(what+", purchases a second", without, with)
	l.logMedians(what+", microseconds of processor for a purchase", workWithout, workWith)
}

func (l *streamLoad) logMedians(what string, without, with []float64) {
	slices.Sort(without)
	slices.Sort(with)
	a, b := without[len(without)/2], with[len(with)/2]
	l.t.Logf("%s: medians %.0f without, %.0f with: %+.1f %%", what, a, b, 100*(b/a-1))
}

// purchases buys for a buyer over so many connections, until there are so many orders (0: no limit) or time is over. It
// returns the answers.
func (l *streamLoad) purchases(buyer string, connections, most int, length time.Duration) (answers [][]byte) {
	l.t.Helper()
	shop, err := url.Parse(l.shop)
	if err != nil {
		l.t.Fatal(err)
	}
	request := traffic.NewRequest(shop, http.MethodPost, "/v1/screenings/"+l.screening+"/orders", "Idempotency-Key", `{"quantity":1}`,
		traffic.Header{Name: "Authorization", Value: "Bearer " + bearer(l.t, buyer, "buyer")})
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	deadline := time.Now().Add(length)
	var mu sync.Mutex
	var sale sync.WaitGroup
	for n := range connections {
		sale.Go(func() {
			conn := traffic.NewConn(shop, testDeadline)
			defer conn.Close()
			for i := n; (most == 0 || i < most) && time.Now().Before(deadline); i += connections {
				answer, err := conn.Do(l.t.Context(), request.Append(nil, fmt.Sprint(run, i)))
				if err != nil || answer.Status != http.StatusAccepted {
					l.t.Errorf("purchase: %d %v %s", answer.Status, err, answer.Body)
					return
				}
				mu.Lock()
				answers = append(answers, bytes.Clone(answer.Body))
				mu.Unlock()
			}
		})
	}
	sale.Wait()
	return answers
}

// open opens streams and waits until each has shown a state.
func (l *streamLoad) open(watches []watch) {
	l.t.Helper()
	address := strings.TrimPrefix(l.shop, "http://")
	began, read := time.Now(), l.read.Load()
	var opening sync.WaitGroup
	slots := make(chan struct{}, 64)
	for _, w := range watches {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			l.t.Fatal(err)
		}
		l.conns = append(l.conns, conn)
		slots <- struct{}{}
		opening.Go(func() {
			_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", w.path, address, w.token)
			if err != nil {
				l.t.Error(err)
			}
			<-slots
		})
		go l.follow(conn)
	}
	opening.Wait()
	l.eventually("every stream shows a state", func() bool { return l.read.Load()-read >= int64(len(watches)) })
	l.t.Logf("%d streams open after %v", len(watches), time.Since(began).Round(time.Millisecond))
}

// follow reads a stream's events.
func (l *streamLoad) follow(conn net.Conn) {
	lines := bufio.NewReaderSize(conn, 1024)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		data, isData := bytes.CutPrefix(line, []byte("data: "))
		if !isData {
			continue
		}
		now := time.Now()
		l.read.Add(1)
		if bytes.Contains(data, []byte(`"status":"paid"`)) {
			var o orderJSON
			if err := json.Unmarshal(data, &o); err != nil {
				l.t.Errorf("event %q: %v", data, err)
			}
			l.mu.Lock()
			l.seen[o.ID] = now
			l.mu.Unlock()
		}
	}
}

func (l *streamLoad) close() {
	l.t.Helper()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
	l.eventually("streams are closed", func() bool { return l.metric("boxoffice_streams_open") == 0 })
}

// memory is what the program uses after a garbage collection, in KiB.
func (l *streamLoad) memory() map[string]float64 {
	l.t.Helper()
	for range 3 { // stacks shrink by half at each collection
		l.get(l.admin + "/debug/pprof/heap?gc=1")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.program.command.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	rss, err := strconv.ParseFloat(string(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)[1]), 64)
	if err != nil {
		l.t.Fatal(err)
	}
	return map[string]float64{
		"rss": rss, "heap": l.metric("go_memstats_heap_inuse_bytes") / 1024, "stack": l.metric("go_memstats_stack_inuse_bytes") / 1024,
	}
}

func (l *streamLoad) metric(name string) float64 {
	l.t.Helper()
	match := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(l.get(l.admin + "/metrics"))
	if match == nil {
		l.t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		l.t.Fatal(err)
	}
	return value
}

func (l *streamLoad) get(address string) []byte {
	l.t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return body
}
