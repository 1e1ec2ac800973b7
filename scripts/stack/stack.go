package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	readyWait  = 90 * time.Second // a cold start takes about 10 s on 2 cores
	stopWait   = 60 * time.Second // then SIGKILL; an orderly broker takes 20 s
	probeWait  = 2 * time.Second  // one question to a part
	logTailMax = 2048             // bytes of a dead part's log in the error
)

// stack is the parts under one directory. Below dir: run/ has the pid files,
// data/PART/ the data and the log of one part, rocketmq-VERSION/ the jars.
type stack struct {
	dir      string
	settings settings
	out      io.Writer
}

// part is one process of the stack.
type part struct {
	name  string
	port  int
	stage int // those of a lower one are ready before it starts, and are stopped after it
	// prepare makes data and configuration and returns the command line.
	prepare  func(ctx context.Context, dir string) (argv, env []string, err error)
	patience time.Duration // until it is ready; 0 is readyWait
	// ready is nil once the part serves; it is asked again and again.
	ready func(ctx context.Context) error
}

func (s stack) do(ctx context.Context, c command) error {
	switch {
	case c.verb == "env" && c.test:
		return s.printTestEnv()
	case c.verb == "env":
		return s.printEnv()
	}
	if s.settings.Mode == modeDocker {
		return s.compose(ctx, c)
	}
	switch c.verb {
	case "up":
		return s.up(ctx)
	case "down":
		return s.down(ctx, c.purge)
	case "status":
		return s.status(ctx)
	}
	p, err := s.part(c.part)
	if err != nil {
		return err
	}
	switch c.verb {
	case "kill":
		return s.stopPart(ctx, p, syscall.SIGKILL)
	case "freeze":
		return s.signalPart(p, freeze)
	case "thaw":
		return s.signalPart(p, thaw)
	}
	if err := s.startPart(ctx, p); err != nil || p.name != namesrvName || s.settings.clustered() {
		return err
	}
	return s.awaitRunning(ctx)
}

func (s stack) signalPart(p part, signal func(process) error) error {
	proc, alive, err := loadProcess(s.pidFile(p))
	if err == nil && !alive {
		err = errors.New("is not running")
	}
	if err == nil {
		err = signal(proc)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// awaitRunning waits for the parts that run: a new nameserver knows no broker
// until each has registered again, which takes them up to 10 s.
func (s stack) awaitRunning(ctx context.Context) error {
	for _, p := range s.parts() {
		_, alive, err := loadProcess(s.pidFile(p))
		if err != nil {
			return err
		}
		if !alive {
			continue
		}
		if err := s.startPart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (s stack) parts() []part {
	if s.settings.clustered() {
		return s.clusterParts()
	}
	var all []part
	for i := range s.settings.Brokers {
		all = append(all, s.broker(i))
	}
	return append(all, s.namesrv(), s.db())
}

func (s stack) part(name string) (part, error) {
	var names []string
	for _, p := range s.parts() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return part{}, fmt.Errorf("no part %q: there are %s", name, strings.Join(names, ", "))
}

func (s stack) pidFile(p part) string { return filepath.Join(s.dir, "run", p.name+".pid") }
func (s stack) dataDir(p part) string { return filepath.Join(s.dir, "data", p.name) }
func (s stack) logFile(p part) string { return filepath.Join(s.dataDir(p), "out.log") }

func (s stack) anyRunning(ctx context.Context) bool {
	if s.settings.Mode == modeDocker {
		return composeRunning(ctx)
	}
	for _, p := range s.parts() {
		if _, alive, err := loadProcess(s.pidFile(p)); alive || err != nil {
			return true
		}
	}
	return false
}

// up starts the parts of a stage at once: a broker retries until its nameserver is there.
func (s stack) up(ctx context.Context) error {
	if err := s.fetchJars(ctx); err != nil {
		return err
	}
	parts := s.parts()
	if s.settings.clustered() {
		if err := errors.Join(s.buildOffice(ctx), s.orderNodes(ctx, parts)); err != nil {
			return err
		}
	}
	for _, stage := range stages(parts) {
		g, gctx := errgroup.WithContext(ctx)
		for _, p := range stage {
			g.Go(func() error { return s.startPart(gctx, p) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return s.printEnv()
}

// stages sorts parts into those that start together, in the order in which they start.
func stages(parts []part) [][]part {
	byStage := make(map[int][]part)
	for _, p := range parts {
		byStage[p.stage] = append(byStage[p.stage], p)
	}
	var all [][]part
	for _, stage := range slices.Sorted(maps.Keys(byStage)) {
		all = append(all, byStage[stage])
	}
	return all
}

// startPart starts a part that is not running and waits until it is ready.
func (s stack) startPart(ctx context.Context, p part) error {
	proc, alive, err := loadProcess(s.pidFile(p))
	if err != nil {
		return err
	}
	if !alive {
		if proc, err = s.launchPart(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.patience, readyWait))
	defer cancel()
	var last error
	err = poll(ctx, func() (bool, error) {
		if !proc.alive() {
			return false, fmt.Errorf("died while starting; its log ends:\n%s", s.logTail(p))
		}
		ask, cancel := context.WithTimeout(ctx, probeWait)
		defer cancel()
		last = p.ready(ask)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s is not ready: %w", p.name, errors.Join(err, last))
	}
	return nil
}

func (s stack) launchPart(ctx context.Context, p part) (process, error) {
	if err := checkPortFree(ctx, p.port); err != nil {
		return process{}, err
	}
	for _, dir := range []string{filepath.Dir(s.pidFile(p)), s.dataDir(p)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return process{}, fmt.Errorf("make directory: %w", err)
		}
	}
	argv, env, err := p.prepare(ctx, s.dataDir(p))
	if err != nil {
		return process{}, err
	}
	return launch(argv, env, s.logFile(p), s.pidFile(p))
}

func (s stack) logTail(p part) string {
	b, err := os.ReadFile(s.logFile(p))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-logTailMax):]))
}

func (s stack) stopPart(ctx context.Context, p part, sig os.Signal) error {
	proc, alive, err := loadProcess(s.pidFile(p))
	if err != nil {
		return err
	}
	if alive {
		if err := proc.stop(ctx, sig, stopWait); err != nil {
			return fmt.Errorf("stop %s: %w", p.name, err)
		}
	}
	if err := os.Remove(s.pidFile(p)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove pid file: %w", err)
	}
	return nil
}

// down stops what runs, the nameserver after the brokers, which tell it that
// they go. Data that is removed needs no orderly end.
func (s stack) down(ctx context.Context, purge bool) error {
	sig := syscall.SIGTERM
	if purge {
		sig = syscall.SIGKILL
	}
	var nameservers []part
	var errs []error
	for _, stage := range slices.Backward(stages(s.parts())) {
		var g errgroup.Group
		for _, p := range stage {
			if strings.HasPrefix(p.name, namesrvName) {
				nameservers = append(nameservers, p)
				continue
			}
			g.Go(func() error { return s.stopPart(ctx, p, sig) })
		}
		errs = append(errs, g.Wait())
	}
	for _, p := range nameservers {
		errs = append(errs, s.stopPart(ctx, p, sig))
	}
	err := errors.Join(errs...)
	if err != nil || !purge {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		return fmt.Errorf("remove data: %w", err)
	}
	return nil
}

func (s stack) status(ctx context.Context) error {
	for _, p := range s.parts() {
		proc, alive, err := loadProcess(s.pidFile(p))
		if err != nil {
			return err
		}
		state := "not running"
		if alive {
			ask, cancel := context.WithTimeout(ctx, probeWait)
			state = fmt.Sprintf("running, pid %d, ready", proc.PID)
			if err := p.ready(ask); err != nil {
				state = fmt.Sprintf("running, pid %d, not ready: %v", proc.PID, err)
			}
			cancel()
		}
		if _, err := fmt.Fprintf(s.out, "%-9s %s  %s\n", p.name, loopback(p.port), state); err != nil {
			return fmt.Errorf("print status: %w", err)
		}
	}
	return nil
}
