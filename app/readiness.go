package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"boxoffice/api"
)

// probePause is how long the answer of a probe that writes is good, however many ask.
const probePause = time.Second

// probes are what this process's roles need to do their work, each tried for real, and nothing else: a database that
// answers but cannot be written, or a queue that stores nothing, sells nothing.
func (o *office) probes() []api.Probe {
	probes := []api.Probe{{Name: "started and not stopping", Check: func(context.Context) error {
		if !o.ready.Load() {
			return errors.New("no")
		}
		return nil
	}}}
	if o.config.HasRole(roleAPI) || o.config.HasRole(roleStock) {
		probes = append(probes, api.Probe{Name: "stock database", Check: onceIn(probePause, o.stockDB.CheckWritable)})
	}
	if o.config.HasRole(roleOrder) {
		probes = append(probes, api.Probe{Name: "order database", Check: onceIn(probePause, o.orderDB.CheckWritable)})
	}
	if o.config.HasRole(roleAPI) {
		return append(probes, api.Probe{Name: "message queue", Check: onceIn(probePause, o.transactor.CheckStorable)})
	}
	return append(probes, api.Probe{Name: "message queue", Check: o.bus.Ping})
}

// onceIn shares one answer of check among all who ask within a pause of it.
func onceIn(pause time.Duration, check func(context.Context) error) func(context.Context) error {
	var mu sync.Mutex
	var asked time.Time
	var answer error
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if asked.IsZero() || time.Since(asked) >= pause {
			answer = check(ctx)
			asked = time.Now()
		}
		return answer
	}
}
