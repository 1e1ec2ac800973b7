//go:build !race

package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The size of what greedy clients do. BOXOFFICE_TEST_SLOW sets another number of slow connections.
const (
	slowSockets  = 300
	slowPause    = 500 * time.Millisecond // between the bytes of a slow client
	slowLimit    = 20 * time.Second       // in which an office is rid of them; it gives each 5 seconds
	buyingTime   = 2 * time.Second        // of one measurement
	unharmed     = 0.3                    // the share of their purchases that others make at least meanwhile
	rounds       = 4                      // of measurements: a machine may be busy with something else in some of them
	greedyRate   = 20                     // requests per second that one buyer may make
	greedyFactor = 10                     // times that
	greedyBytes  = 96 << 20               // of memory that all of it may take
)

// greedyOffice is a program that sells to some buyers while others misuse it.
type greedyOffice struct {
	*officeTest
	program   program
	screening string
	client    *http.Client
	bought    atomic.Int64
}

func newGreedyOffice(t *testing.T, settings ...string) *greedyOffice {
	t.Helper()
	settings = append(settings, "BOXOFFICE_LOG_LEVEL", "error")
	o := &greedyOffice{officeTest: newPrograms(t, settings...), client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(o.client.CloseIdleConnections)
	o.program = o.startProgram()
	o.screening = o.addScreening(10_000_000, 0)
	o.purchases(time.Second) // a warm-up
	return o
}

// purchases is how many purchases a few buyers make in this time, one after the other.
func (o *greedyOffice) purchases(during time.Duration) int64 {
	var done atomic.Int64
	var buyers sync.WaitGroup
	end := time.Now().Add(during)
	for range 4 {
		buyers.Go(func() {
			for time.Now().Before(end) {
				buyer := fmt.Sprint("fair-", o.bought.Add(1))
				r, err := sendBy(o.client, o.shop, "POST", "/v1/screenings/"+o.screening+"/orders", bearer(o.t, buyer, "buyer"),
					`{"quantity":1}`, "Idempotency-Key", "k")
				if err == nil && r.status == http.StatusServiceUnavailable { // it counts as none
					time.Sleep(10 * time.Millisecond)
					continue
				}
				if err != nil || r.status != http.StatusAccepted {
					o.t.Errorf("a fair purchase: %d %s, %v", r.status, r.body, err)
					return
				}
				done.Add(1)
			}
		})
	}
	buyers.Wait()
	return done.Load()
}

// wantUnharmed compares the purchases of fair buyers during misuse with those before and after, and what the program takes of
// memory. misuse goes on until its context ends.
func (o *greedyOffice) wantUnharmed(misuse func(context.Context)) {
	o.t.Helper()
	before, err := o.usageOf(o.admin)
	if err != nil {
		o.t.Fatal(err)
	}
	const rss = "process_resident_memory_bytes"
	for round := 1; ; round++ {
		calm := o.purchases(buyingTime)
		ctx, stop := context.WithCancel(o.t.Context())
		var misusing sync.WaitGroup
		misusing.Go(func() { misuse(ctx) })
		disturbed := o.purchases(buyingTime)
		during, err := o.usageOf(o.admin)
		stop()
		misusing.Wait()
		if err != nil {
			o.t.Fatal(err)
		}
		after := o.purchases(buyingTime)
		o.t.Logf("%d purchases before, %d meanwhile, %d after; memory %.0f MiB, %.0f MiB meanwhile",
			calm, disturbed, after, before[rss]/(1<<20), during[rss]/(1<<20))
		if during[rss] > before[rss]+greedyBytes {
			o.t.Fatalf("memory goes from %.0f to %.0f bytes", before[rss], during[rss])
		}
		if disturbed > 0 && float64(min(disturbed, after)) >= unharmed*float64(calm) {
			return
		}
		if round == rounds {
			o.t.Fatalf("in %d rounds others never made %v of their purchases", rounds, unharmed)
		}
	}
}

// slowly sends a request byte by byte until the office has enough of it, and tells what it had to say.
func slowly(ctx context.Context, address, begin, rest string) (answer string, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, begin); err != nil {
		return "", err
	}
	ended := make(chan string, 1)
	go func() {
		said, _ := io.ReadAll(io.LimitReader(conn, 1<<16)) // it ends when either side closes
		ended <- string(said)
	}()
	for i := 0; ; i++ {
		select {
		case said := <-ended:
			return said, nil
		case <-time.After(slowPause):
			_, _ = io.WriteString(conn, rest[i%len(rest):i%len(rest)+1]) // of a closed connection the reader tells
		}
	}
}

// Clients that send their headers, or a body that they have announced, a byte at a time held a connection each for as long as
// they liked in many a server. Here each is rid of in seconds; meanwhile others buy as before, and all of them take little memory.
func TestSlowClientsHarmNobody(t *testing.T) {
	slow(t)
	o := newGreedyOffice(t)
	address := strings.TrimPrefix(o.shop, "http://")
	head := "POST /v1/screenings/" + o.screening + "/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer " + bearer(t, "slow", "buyer") +
		"\r\nIdempotency-Key: slow\r\nContent-Type: application/json\r\n"
	sockets := numberFrom(t, "BOXOFFICE_TEST_SLOW", slowSockets)
	o.wantUnharmed(func(ctx context.Context) {
		var clients sync.WaitGroup
		for n := range sockets {
			clients.Go(func() {
				begin, rest := head+"X-Slow: ", "x"
				if n%2 == 0 {
					begin, rest = head+"Content-Length: 1000\r\n\r\n{", " "
				}
				for ctx.Err() == nil { // whoever is sent away comes back
					if said, err := slowly(ctx, address, begin, rest); err == nil && strings.HasPrefix(said, "HTTP/1.1 2") {
						t.Errorf("a request that never ended was answered %q", said)
					}
				}
			})
		}
		clients.Wait()
	})
	for _, begin := range []string{"", "GET / HTTP/1.1\r\nHost: s", head, head + "Content-Length: 1000\r\n\r\n{"} {
		began := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), 2*slowLimit)
		if _, err := slowly(ctx, address, begin, " "); err != nil {
			t.Error(err)
		}
		stop()
		if took := time.Since(began); took > slowLimit {
			t.Errorf("after %q it took %v to be rid of a client", begin[:min(20, len(begin))], took)
		}
	}
}

// endless is a body, or a header, that goes on and on.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// oversized is what is too long of a request, and how it is answered.
func oversized(screening, token string) map[string]struct {
	head   string
	length int64 // of what follows; 0 is no end
	status string
} {
	post := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer " + token +
			"\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
	}
	orders := "/v1/screenings/" + screening + "/orders"
	return map[string]struct {
		head   string
		length int64
		status string
	}{
		"a body that is a byte too long": {post(orders) + "Content-Length: 16385\r\n\r\n", 16385, "413"},
		"a body of a terabyte":           {post(orders) + "Content-Length: 1099511627776\r\n\r\n", 0, "413"},
		"a body without an end":          {post(orders) + "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", 0, "413"},
		"a callback without an end":      {post("/v1/payments/callback") + "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", 0, "413"},
		"a header without an end":        {post(orders) + "X-Long: ", 0, "431"},
		"headers of 64 KiB":              {post(orders) + strings.Repeat("X-Many: y\r\n", 6000) + "\r\n", 0, "431"},
		"a path without an end":          {"GET /", 0, "431"},
	}
}

// overfeed sends what is too long, for as long as it is taken, and returns the answer's status.
func overfeed(address, head string, length int64) (status string, taken int64, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(testDeadline)); err != nil {
		return "", 0, err
	}
	sent := make(chan int64, 1)
	go func() {
		body := io.Reader(endless{})
		if length > 0 {
			body = io.LimitReader(body, length)
		}
		n, _ := io.Copy(conn, io.MultiReader(strings.NewReader(head), body)) // it ends when the office has enough
		sent <- n
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	_ = conn.Close()
	if _, rest, ok := strings.Cut(line, " "); ok {
		status, _, _ = strings.Cut(rest, " ")
	}
	return status, <-sent, err
}

// What is too long is refused at its limit, whatever length it says or does not say: the office takes neither its bytes nor the
// time of others.
func TestOversizedRequestsHarmNobody(t *testing.T) {
	slow(t)
	o := newGreedyOffice(t)
	address := strings.TrimPrefix(o.shop, "http://")
	cases := oversized(o.screening, bearer(t, "greedy", "buyer"))
	const takenMax = 8 << 20 // of one request, most of it in the buffers of the connection
	for name, c := range cases {
		if status, taken, err := overfeed(address, c.head, c.length); status != c.status || taken > takenMax {
			t.Errorf("%s: answered %q after %d bytes (%v), want %s", name, status, taken, err, c.status)
		}
	}
	o.wantUnharmed(func(ctx context.Context) {
		var clients sync.WaitGroup
		for _, c := range cases {
			clients.Go(func() {
				for ctx.Err() == nil {
					_, _, _ = overfeed(address, c.head, c.length) // its answer was looked at above
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		clients.Wait()
	})
}

// One buyer sends ten times as many requests as he may. He gets what he may, and 429 with a time to wait for the rest; all others
// buy as before.
func TestTenfoldOverloadOfOneBuyerHarmsNobody(t *testing.T) {
	slow(t)
	o := newGreedyOffice(t, "BOXOFFICE_BUYER_RATE", fmt.Sprint(greedyRate))
	token := bearer(t, "greedy", "buyer")
	o.wantUnharmed(func(ctx context.Context) {
		var sent, admitted, refused, number atomic.Int64
		began := time.Now()
		var requests sync.WaitGroup
		tick := time.NewTicker(time.Second / (greedyRate * greedyFactor))
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			requests.Go(func() {
				sent.Add(1)
				r, err := sendBy(o.client, o.shop, "POST", "/v1/screenings/"+o.screening+"/orders", token, `{"quantity":1}`,
					"Idempotency-Key", fmt.Sprint("k", began.UnixNano(), number.Add(1)))
				switch {
				case err != nil:
					t.Errorf("the greedy buyer has no answer: %v", err)
				case r.status == http.StatusTooManyRequests && r.header.Get("Retry-After") != "":
					refused.Add(1)
				case r.status == http.StatusAccepted, r.status == http.StatusServiceUnavailable: // let in, on a busy machine in vain
					admitted.Add(1)
				default:
					t.Errorf("the greedy buyer: %d %s", r.status, r.body)
				}
			})
		}
		requests.Wait()
		most := int64(greedyRate*(time.Since(began).Seconds()+2)) + 1 // a burst is two seconds' worth
		t.Logf("the greedy buyer: %d requests, %d admitted of %d at most, %d refused", sent.Load(), admitted.Load(), most, refused.Load())
		if admitted.Load() > most || refused.Load() == 0 {
			t.Errorf("of %d requests %d were admitted, at most %d may be, and %d refused", sent.Load(), admitted.Load(), most, refused.Load())
		}
	})
}
