package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const healTimeout = 90 * time.Second

// composition is one compose file, as a user starts it.
type composition struct {
	engine *engine
	file   string
	env    []string
}

func (c composition) run(ctx context.Context, args ...string) (string, error) {
	return c.engine.command(ctx, c.env, append([]string{"docker-compose", "--progress", "plain", "-f", c.file}, args...)...)
}

// state is what the engine says of a container.
type state struct {
	id       string
	status   string // running, exited ...
	health   string // none: it has no check
	restarts int
	killed   bool // for want of memory
	pid      int
}

func (s state) well() bool {
	return s.status == "running" && (s.health == "healthy" || s.health == "none")
}

// state finds the container of a service, running or not.
func (c composition) state(ctx context.Context, service string) (state, error) {
	id, err := c.run(ctx, "ps", "--all", "-q", service)
	if err != nil {
		return state{}, err
	}
	if id == "" {
		return state{}, fmt.Errorf("%s has no container", service)
	}
	return c.stateOf(ctx, id)
}

func (c composition) stateOf(ctx context.Context, id string) (state, error) {
	out, err := c.engine.docker(ctx, "inspect", "--format",
		"{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}} {{.State.OOMKilled}} {{.State.Pid}}", id)
	if err != nil {
		return state{}, err
	}
	fields := strings.Fields(out)
	if len(fields) != 5 {
		return state{}, fmt.Errorf("inspect answered %q", out)
	}
	restarts, err := strconv.Atoi(fields[2])
	pid, pidErr := strconv.Atoi(fields[4])
	return state{id, fields[0], fields[1], restarts, fields[3] == "true", pid}, errors.Join(err, pidErr)
}

// kill ends the first process of a container as a crash does: after `docker kill` the engine would not start it again.
func (c composition) kill(ctx context.Context, service string) (before state, err error) {
	if before, err = c.state(ctx, service); err != nil {
		return before, err
	}
	process, err := os.FindProcess(before.pid)
	if err != nil || before.pid <= 1 {
		return before, fmt.Errorf("%s has no process: %w", service, err)
	}
	if err := process.Kill(); err != nil {
		return before, fmt.Errorf("kill %s: %w", service, err)
	}
	return before, nil
}

// awaitWell waits until a container is well again that was another process before.
func (c composition) awaitWell(ctx context.Context, before state) error {
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	return poll(ctx, func() error {
		now, err := c.stateOf(ctx, before.id)
		if err == nil && (!now.well() || now.pid == before.pid) {
			err = fmt.Errorf("it is %s, its health %s", now.status, now.health)
		}
		return err
	})
}

// untouched looks whether each service has run since its start without dying, which one with too small a limit does not.
func (c composition) untouched(ctx context.Context, services ...string) error {
	for _, service := range services {
		s, err := c.state(ctx, service)
		if err != nil {
			return err
		}
		if !s.well() || s.restarts > 0 || s.killed {
			return fmt.Errorf("%s is %s, its health %s, after %d restarts (killed for memory: %t)", service, s.status, s.health, s.restarts, s.killed)
		}
	}
	return nil
}

// logs is the end of what each service has said, for whoever looks for the cause of a failure.
func (c composition) logs(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	states, _ := c.run(ctx, "ps", "--all")
	said, _ := c.run(ctx, "logs", "--no-color", "--tail", "25")
	return states + "\n" + said
}
