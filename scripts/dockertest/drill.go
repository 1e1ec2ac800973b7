package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	capacity      = 1000
	payWindow     = 30 * time.Second
	settleTimeout = 90 * time.Second
	prometheusURL = "http://127.0.0.1:9090"
)

// drill is one life of the set, and the book of all that it has promised meanwhile.
type drill struct {
	set       composition
	shop      *office
	screening string
	book      []entry
}

// entry is an order that a buyer was given.
type entry struct {
	buyer, order, want string
}

func services() []string {
	return []string{"dashboard", "grafana", "prometheus", "namesrv", "broker", "mysql", "app"}
}

func (d *drill) run(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"up, with the app's image built", d.up},
		{"a sale through the published port", d.sell},
		{"nobody has died by itself", func(ctx context.Context) error { return d.set.untouched(ctx, services()...) }},
		{"prometheus watches the app", d.watched},
		{"every container is killed", d.killEach},
		{"the books agree, and an order that nobody paid has expired", d.agree},
		{"the doctor finds nothing", d.healthy},
		{"down, and up with the volumes", d.downAndUp},
		{"the books agree still", d.agree},
		{"the doctor finds nothing still", d.healthy},
	} {
		say(step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (d *drill) up(ctx context.Context) error {
	start := time.Now()
	if _, err := d.set.run(ctx, "build", "app"); err != nil {
		return err
	}
	say(fmt.Sprintf("  built in %.0fs", time.Since(start).Seconds()))
	start = time.Now()
	if _, err := d.set.run(ctx, "up", "-d", "--build", "--wait"); err != nil {
		return err
	}
	say(fmt.Sprintf("  healthy in %.0fs", time.Since(start).Seconds()))
	return nil
}

func (d *drill) sell(ctx context.Context) (err error) {
	if d.screening, err = d.shop.addScreening(ctx, capacity); err != nil {
		return err
	}
	if _, err := d.buy(ctx, statusExpired); err != nil {
		return err
	}
	for range 10 {
		if _, err := d.buy(ctx, statusPaid); err != nil {
			return err
		}
	}
	return nil
}

// buy buys with one key until the shop has said yes, and pays until the shop has said that it knows. It returns how long the
// yes took. What is paid within the window is the buyer's: that is what the window promises.
func (d *drill) buy(ctx context.Context, want string) (silence time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	start := time.Now()
	buyer := fmt.Sprintf("buyer-%d", len(d.book))
	var order string
	err = poll(ctx, func() (err error) {
		order, err = d.shop.buy(ctx, d.screening, buyer, "key-"+buyer)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("buy: %w", err)
	}
	silence = time.Since(start)
	if want == statusPaid {
		if err := poll(ctx, func() error { return d.shop.pay(ctx, order) }); err != nil {
			return 0, fmt.Errorf("pay: %w", err)
		}
		if took := time.Since(start); took > payWindow {
			return 0, fmt.Errorf("order %s was paid %s after its buyer first asked, which may be after its window: nothing can be said", order, took)
		}
	}
	d.book = append(d.book, entry{buyer, order, want})
	return silence, nil
}

func (d *drill) killEach(ctx context.Context) error {
	for _, service := range services() {
		before, err := d.set.kill(ctx, service)
		if err != nil {
			return err
		}
		start := time.Now()
		silence, err := d.buy(ctx, statusPaid)
		if err != nil {
			return fmt.Errorf("after the death of %s: %w", service, err)
		}
		if err := d.set.awaitWell(ctx, before); err != nil {
			return fmt.Errorf("%s did not come back: %w", service, err)
		}
		well := time.Since(start)
		if _, err := d.buy(ctx, statusPaid); err != nil {
			return fmt.Errorf("with %s back: %w", service, err)
		}
		say(fmt.Sprintf("  %-10s a purchase took %4.1fs, well again after %4.1fs", service, silence.Seconds(), well.Seconds()))
	}
	return nil
}

// agree waits until each order is what its buyer was promised, and as many tickets are gone as were paid.
func (d *drill) agree(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return poll(ctx, func() error {
		paid := 0
		for _, e := range d.book {
			status, err := d.shop.status(ctx, e.buyer, e.order)
			if err != nil {
				return err
			}
			if status != e.want {
				return fmt.Errorf("order %s is %s, not %s", e.order, status, e.want)
			}
			if status == statusPaid {
				paid++
			}
		}
		available, err := d.shop.available(ctx, d.screening)
		if err == nil && available != capacity-paid {
			err = fmt.Errorf("%d of %d tickets are left after %d were paid", available, capacity, paid)
		}
		return err
	})
}

func (d *drill) healthy(ctx context.Context) error {
	_, err := d.set.run(ctx, "exec", "-T", "app", "/boxoffice", "doctor")
	return err
}

// downAndUp leaves an order unpaid, whose window ends while nothing runs.
func (d *drill) downAndUp(ctx context.Context) error {
	if _, err := d.buy(ctx, statusExpired); err != nil {
		return err
	}
	start := time.Now()
	if _, err := d.set.run(ctx, "down"); err != nil {
		return err
	}
	down := time.Since(start)
	start = time.Now()
	if _, err := d.set.run(ctx, "up", "-d", "--wait"); err != nil {
		return err
	}
	say(fmt.Sprintf("  down in %.0fs, healthy in %.0fs", down.Seconds(), time.Since(start).Seconds()))
	_, err := d.buy(ctx, statusPaid)
	return errors.Join(err, d.set.untouched(ctx, services()...))
}

// watched asks Prometheus whether it reaches the app and has read the rules.
func (d *drill) watched(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return poll(ctx, func() error {
		var up struct {
			Data struct {
				Result []struct {
					Value [2]any `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		if err := d.askPrometheus(ctx, "/api/v1/query?query=up", &up); err != nil {
			return err
		}
		if len(up.Data.Result) != 1 || up.Data.Result[0].Value[1] != "1" {
			return fmt.Errorf("it sees %v", up.Data.Result)
		}
		var rules struct {
			Data json.RawMessage `json:"data"`
		}
		err := d.askPrometheus(ctx, "/api/v1/rules", &rules)
		if err == nil && !strings.Contains(string(rules.Data), `"type":"alerting"`) {
			err = errors.New("it has no rules")
		}
		return err
	})
}

func (d *drill) askPrometheus(ctx context.Context, path string, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheusURL+path, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	response, err := d.shop.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(out)
}
