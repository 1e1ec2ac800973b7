package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	engineStartTimeout = 60 * time.Second
	engineStopTimeout  = 30 * time.Second
	cgroup             = "boxoffice-docker"
	gateway            = "172.30.75.1" // of the engine's own network, where this program stands beside the containers that build
)

// engine is Docker's, with a socket and a store of its own.
type engine struct {
	dir     string
	env     []string
	process *exec.Cmd
}

// startEngine starts dockerd in the namespaces that this program has for itself, so that it needs to spare nobody.
func startEngine(ctx context.Context, dir string) (*engine, error) {
	socket := filepath.Join(dir, "engine.sock")
	log, err := os.Create(filepath.Join(dir, "engine.log"))
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	defer func() { _ = log.Close() }() // the engine has its own descriptor
	if out, err := exec.CommandContext(ctx, "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("bring up loopback: %w: %s", err, out)
	}
	process := exec.Command("dockerd", "--host", "unix://"+socket, "--data-root", filepath.Join(dir, "store"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "engine.pid"), "--cgroup-parent", "/"+cgroup,
		"--bip", gateway+"/24")
	process.Stdout, process.Stderr = log, log
	// A pid file of an earlier run names a process of other namespaces.
	for _, old := range []string{"engine.pid", "exec/containerd/containerd.pid", "engine.sock"} {
		_ = os.Remove(filepath.Join(dir, old))
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	e := &engine{dir: dir, process: process}
	e.env = append(os.Environ(), "DOCKER_HOST=unix://"+socket, "DOCKER_CONFIG="+filepath.Join(dir, "config"))
	ctx, cancel := context.WithTimeout(ctx, engineStartTimeout)
	defer cancel()
	err = poll(ctx, func() error {
		_, err := e.docker(ctx, "version")
		return err
	})
	if err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

// stop lets the engine write down what it knows, and kills it when it takes long.
func (e *engine) stop() {
	_ = e.process.Process.Signal(os.Interrupt)
	late := time.AfterFunc(engineStopTimeout, func() { _ = e.process.Process.Kill() })
	defer late.Stop()
	_ = e.process.Wait()
}

// docker runs one command of the client and returns what it printed.
func (e *engine) docker(ctx context.Context, args ...string) (string, error) {
	return e.command(ctx, nil, append([]string{"docker"}, args...)...)
}

func (e *engine) command(ctx context.Context, env []string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(append([]string{}, e.env...), env...)
	cmd.WaitDelay = time.Second
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, tail(out.String()), tail(failure.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// tail is the end of what a failed command said.
func tail(said string) string {
	const lengthMax = 4000
	return said[max(0, len(said)-lengthMax):]
}

// poll tries until it works or ctx ends, and says what failed last.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("time was up: %w", err)
		case <-tick.C:
		}
	}
}
