package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	name string
	port int
	// prepare makes data and configuration and returns the command line.
	prepare func(ctx context.Context, dir string) (argv, env []string, err error)
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
	if c.verb == "kill" {
		return s.stopPart(ctx, p, syscall.SIGKILL)
	}
	if err := s.startPart(ctx, p); err != nil || p.name != namesrvName {
		return err
	}
	return s.awaitRunning(ctx)
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

// up starts all parts at once: a broker retries until its nameserver is there.
func (s stack) up(ctx context.Context) error {
	if err := s.fetchJars(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, p := range s.parts() {
		g.Go(func() error { return s.startPart(gctx, p) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return s.printEnv()
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
	ctx, cancel := context.WithTimeout(ctx, readyWait)
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
	var g errgroup.Group
	for _, p := range s.parts() {
		if p.name != namesrvName {
			g.Go(func() error { return s.stopPart(ctx, p, sig) })
		}
	}
	err := errors.Join(g.Wait(), s.stopPart(ctx, s.namesrv(), sig))
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
		if _, err := fmt.Fprintf(s.out, "%-8s %s  %s\n", p.name, loopback(p.port), state); err != nil {
			return fmt.Errorf("print status: %w", err)
		}
	}
	return nil
}

// printTestEnv prints what go test reads: the servers, in which tests make databases and topics of their own, and the
// directory of the stack, whose parts they kill.
func (s stack) printTestEnv() error {
	server := strings.TrimSuffix(s.dsn(""), "/")
	_, err := fmt.Fprintf(s.out, "export BOXOFFICE_TEST_NAMESRV=%s\nexport BOXOFFICE_TEST_MYSQL=%s\nexport BOXOFFICE_STACK_DIR='%s'\n",
		loopback(s.settings.namesrvPort()), server, s.dir)
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	return nil
}

// printEnv prints lines for a shell to evaluate.
func (s stack) printEnv() error {
	_, err := fmt.Fprintf(s.out, "export BOXOFFICE_NAMESRV=%s\nexport BOXOFFICE_STOCK_DSN=%s\nexport BOXOFFICE_ORDER_DSN=%s\n",
		loopback(s.settings.namesrvPort()), s.dsn(stockDB), s.dsn(orderDB))
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	return nil
}
