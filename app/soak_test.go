//go:build !race

package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// soakTime is how long TestSoak sells; BOXOFFICE_TEST_SOAK sets another time, such as 8h with -timeout 10h.
const (
	soakTime    = 20 * time.Second
	soakSamples = 40
	soakPace    = 200 * time.Millisecond // a buyer's rest where the sale takes longer than a minute
)

// usage is what a program has of the machine, by name: goroutines, files, bytes in use.
type usage map[string]float64

// flat is by how much each may be more at the end than it was after the warm-up: a share, and so many of it in any case.
func flat() map[string]struct{ share, more float64 } {
	return map[string]struct{ share, more float64 }{
		"go_goroutines":                 {0.2, 30},
		"process_open_fds":              {0.2, 30},
		"go_memstats_heap_inuse_bytes":  {0.25, 12 << 20},
		"process_resident_memory_bytes": {0.25, 48 << 20},
	}
}

// usageOf reads what the program tells of itself, after a collection of its garbage.
func (o *officeTest) usageOf(admin string) (usage, error) {
	page := ""
	for _, path := range []string{"/debug/pprof/heap?gc=1", "/metrics"} {
		answer, err := http.Get(admin + path)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return nil, err
		}
		page = string(body)
	}
	u := usage{}
	for name := range flat() {
		match := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(page)
		if match == nil {
			return nil, fmt.Errorf("there is no metric %s", name)
		}
		value, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			return nil, err
		}
		u[name] = value
	}
	return u, nil
}

// medianOf does not mind what a collection or a burst has added to a sample.
func medianOf(samples []usage, name string) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s[name]
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("BOXOFFICE_TEST_SOAK")
	if text == "" {
		return soakTime
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// visit looks at pages and streams as people do who come and go, until ctx ends.
func (s *saleTest) visit(ctx context.Context, shop string) {
	for ; ctx.Err() == nil; s.rest(ctx) {
		for _, path := range []string{"/v1/screenings?limit=10", "/v1/screenings/" + s.screening + "/events"} {
			look, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			request, err := http.NewRequestWithContext(look, http.MethodGet, shop+path, nil)
			if err != nil {
				s.o.t.Error(err)
			} else if answer, err := http.DefaultClient.Do(request); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body) // a stream is left when the time is over
				_ = answer.Body.Close()
			}
			cancel()
		}
	}
}

// An office that sells for months has to be at the end what it was at the beginning. One that sells, takes payments and lets orders
// run out has after its warm-up no more goroutines, files and memory than the same sale needs later, and its books add up.
func TestSoak(t *testing.T) {
	slow(t)
	duration := soakFor(t)
	o := newPrograms(t, "BOXOFFICE_PAY_WINDOW", "2s", "BOXOFFICE_SWEEP_GRACE", "1s", "BOXOFFICE_LOG_LEVEL", "error")
	p := o.startProgram()
	pace := bookPace
	if duration > time.Minute {
		pace = soakPace
	}
	s := openSale(o, pace, p.shop)
	visiting, leave := context.WithCancel(t.Context())
	var visitors sync.WaitGroup
	visitors.Go(func() { s.visit(visiting, p.shop) })

	var samples []usage
	for n := range soakSamples {
		time.Sleep(duration / soakSamples)
		u, err := o.usageOf(p.admin)
		if err != nil {
			t.Fatal(err)
		}
		if samples = append(samples, u); n%(soakSamples/4) == 0 {
			t.Logf("after %v: %v", duration*time.Duration(n+1)/soakSamples, u)
		}
	}
	leave()
	visitors.Wait()
	s.close()
	early, late := samples[soakSamples/4:soakSamples/2], samples[3*soakSamples/4:]
	for name, bound := range flat() {
		before, after := medianOf(early, name), medianOf(late, name)
		t.Logf("%s: %.0f early, %.0f late", name, before, after)
		if after > before*(1+bound.share)+bound.more {
			t.Errorf("%s grows: %.0f after the warm-up, %.0f at the end", name, before, after)
		}
	}
	s.wantEverythingSettled()
}
