package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"boxoffice/scripts/stack/internal/compose"
	"boxoffice/scripts/stack/internal/office"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/process"
	"boxoffice/scripts/stack/internal/rocketmq"
	"boxoffice/scripts/stack/internal/settings"
)

// stack is the parts under one directory. Below dir: run/ has the pid files,
// data/PART/ the data and the log of one part, rocketmq-VERSION/ the jars.
type stack struct {
	dir      part.Dir
	settings settings.Settings
	out      io.Writer
}

func (s stack) do(ctx context.Context, c command) error {
	switch {
	case c.verb == "env" && c.test:
		return printTestEnv(s.out, string(s.dir), s.settings)
	case c.verb == "env":
		return printEnv(s.out, s.settings)
	}
	if s.settings.Mode == settings.ModeDocker {
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
		return s.dir.Stop(ctx, p, syscall.SIGKILL)
	case "freeze":
		return s.dir.Signal(p, process.Process.Freeze)
	case "thaw":
		return s.dir.Signal(p, process.Process.Thaw)
	}
	if err := s.dir.Start(ctx, p); err != nil || !rocketmq.IsNamesrv(p.Name) || s.settings.Clustered() {
		return err
	}
	return s.awaitRunning(ctx)
}

func (s stack) compose(ctx context.Context, c command) error {
	call := compose.Call{Verb: c.verb, Part: c.part, Purge: c.purge}
	if err := compose.Run(ctx, s.dir, s.settings, call, s.out); err != nil || c.verb != "up" {
		return err
	}
	return printEnv(s.out, s.settings)
}

// awaitRunning waits for the parts that run: a new nameserver knows no broker
// until each has registered again, which takes them up to 10 s.
func (s stack) awaitRunning(ctx context.Context) error {
	for _, p := range s.parts() {
		alive, err := s.dir.Running(p.Name)
		if err != nil {
			return err
		}
		if !alive {
			continue
		}
		if err := s.dir.Start(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (s stack) parts() []part.Part { return partsOf(s.dir, s.settings) }

func (s stack) part(name string) (part.Part, error) {
	var names []string
	for _, p := range s.parts() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return part.Part{}, fmt.Errorf("no part %q: there are %s", name, strings.Join(names, ", "))
}

func (s stack) anyRunning(ctx context.Context) bool {
	if s.settings.Mode == settings.ModeDocker {
		return compose.Running(ctx)
	}
	for _, p := range s.parts() {
		if alive, err := s.dir.Running(p.Name); alive || err != nil {
			return true
		}
	}
	return false
}

// up starts the parts of a stage at once: a broker retries until its nameserver is there.
func (s stack) up(ctx context.Context) error {
	if err := rocketmq.FetchJars(ctx, s.dir, s.out); err != nil {
		return err
	}
	parts := s.parts()
	if s.settings.Clustered() {
		if err := errors.Join(office.Build(ctx, s.dir), orderNodes(ctx, s.dir, s.settings, parts)); err != nil {
			return err
		}
	}
	for _, stage := range part.Stages(parts) {
		g, gctx := errgroup.WithContext(ctx)
		for _, p := range stage {
			g.Go(func() error { return s.dir.Start(gctx, p) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return printEnv(s.out, s.settings)
}

// down stops what runs, the nameserver after the brokers, which tell it that
// they go. Data that is removed needs no orderly end.
func (s stack) down(ctx context.Context, purge bool) error {
	sig := syscall.SIGTERM
	if purge {
		sig = syscall.SIGKILL
	}
	var nameservers []part.Part
	var errs []error
	for _, stage := range slices.Backward(part.Stages(s.parts())) {
		var g errgroup.Group
		for _, p := range stage {
			if rocketmq.IsNamesrv(p.Name) {
				nameservers = append(nameservers, p)
				continue
			}
			g.Go(func() error { return s.dir.Stop(ctx, p, sig) })
		}
		errs = append(errs, g.Wait())
	}
	for _, p := range nameservers {
		errs = append(errs, s.dir.Stop(ctx, p, sig))
	}
	err := errors.Join(errs...)
	if err != nil || !purge {
		return err
	}
	if err := os.RemoveAll(s.dir.AllData()); err != nil {
		return fmt.Errorf("remove data: %w", err)
	}
	return nil
}

func (s stack) status(ctx context.Context) error {
	for _, p := range s.parts() {
		state, err := s.dir.State(ctx, p)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(s.out, "%-9s %s  %s\n", p.Name, settings.Loopback(p.Port), state); err != nil {
			return fmt.Errorf("print status: %w", err)
		}
	}
	return nil
}
