package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"boxoffice/api"
	"boxoffice/app/settings"
	"boxoffice/common/outage"
)

// probePause is how long the answer of a probe that writes is used again, however many ask.
const probePause = time.Second

const (
	watchPause     = 5 * time.Second // between two looks at what the office needs
	watchPauseAway = time.Second     // while something of it is away, so that its end is told in time
	watchTimeout   = 2 * time.Second // of one look
)

// openWatch starts to look at what this process needs, as /readyz does, and to log what goes away and what is back: whoever
// reads the log should not have to make it out of the errors of a thousand requests.
func (o *office) openWatch(ctx context.Context) error {
	o.checks = o.probes()
	outages := make([]*outage.Outage, len(o.checks))
	for i, check := range o.checks {
		outages[i] = outage.New(o.log.With("part", "watch"), check.Name, 1)
	}
	o.goUntilClose(ctx, func(ctx context.Context) {
		pause := time.NewTimer(watchPause)
		defer pause.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
			pause.Reset(watchPause)
			for i, check := range o.checks {
				if err := probe(ctx, check); ctx.Err() == nil && outages[i].Observe(err) {
					pause.Reset(watchPauseAway)
				}
			}
		}
	})
	return nil
}

func probe(ctx context.Context, check api.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	return check.Check(ctx)
}

// probes are the readiness checks of what this process's roles need, and of nothing else. Each tries the real thing: a
// database that answers and cannot be written, or a queue that stores nothing, sells nothing.
func (o *office) probes() []api.Probe {
	var probes []api.Probe
	if o.watches(stockProbe) {
		probes = append(probes, api.Probe{Name: stockProbe, Check: cacheFor(probePause, o.stockDB.CheckWritable)})
	}
	if o.watches(orderProbe) {
		probes = append(probes, api.Probe{Name: orderProbe, Check: cacheFor(probePause, o.orderDB.CheckWritable)})
	}
	if o.ticketsDB != nil && o.config.HasRole(settings.RoleTickets) && !o.config.HasRole(settings.RoleAPI) { // a shop sells without it
		probes = append(probes, api.Probe{Name: "tickets database", Check: cacheFor(probePause, o.ticketsDB.CheckWritable)})
	}
	if o.notifyDB != nil && o.onlyTells() {
		probes = append(probes, api.Probe{Name: "notifications database", Check: cacheFor(probePause, o.notifyDB.CheckWritable)})
	}
	if o.config.HasRole(settings.RoleAPI) {
		return append(probes, api.Probe{Name: "message queue", Check: cacheFor(probePause, o.transactor.CheckStorable)})
	}
	return append(probes, api.Probe{Name: "message queue", Check: o.bus.Ping})
}

// onlyTells tells whether this process has none of the work that sells: whatever sells is ready without mail and SMS.
func (o *office) onlyTells() bool {
	return o.config.HasRole(settings.RoleNotify) && !slices.ContainsFunc([]string{settings.RoleAPI, settings.RoleStock, settings.RoleOrder},
		o.config.HasRole)
}

// cacheFor returns a check whose answer is used for all calls within a pause of it. Calls that come meanwhile wait for the
// same answer, each no longer than its own context lasts.
func cacheFor(pause time.Duration, check func(context.Context) error) func(context.Context) error {
	var mu sync.Mutex
	var asked time.Time
	var answer error
	var asking chan struct{} // nil when nobody asks
	ask := func(ctx context.Context) (err error) {
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			answer, asked = err, time.Time{}
			if ctx.Err() == nil { // a check that was cut off says nothing to the next caller
				asked = time.Now()
			}
			close(asking)
			asking = nil
		}()
		return check(ctx)
	}
	return func(ctx context.Context) error {
		for {
			mu.Lock()
			isFresh, known, others := !asked.IsZero() && time.Since(asked) < pause, answer, asking
			if !isFresh && others == nil {
				asking = make(chan struct{})
			}
			mu.Unlock()
			switch {
			case isFresh:
				return known
			case others == nil:
				return ask(ctx)
			}
			select {
			case <-others:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
