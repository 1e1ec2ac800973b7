package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	exitBusy     = 75 // another run has the lock
	exitNoEngine = 76 // inside, the engine did not start
)

// missing says in one line why this machine cannot run the test.
func missing(ctx context.Context, o options) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w needs root, for namespaces of its own", errNotRun)
	}
	var without []string
	for _, tool := range []string{
		"unshare", "flock", "ip", "tar", "iptables", "dockerd", "containerd", "runc", "docker", "docker-compose",
		"java", "apt-get", "dpkg-deb",
	} {
		if _, err := exec.LookPath(tool); err != nil {
			without = append(without, tool)
		}
	}
	if len(without) > 0 {
		return fmt.Errorf("%w, for want of %s", errNotRun, strings.Join(without, ", "))
	}
	for flag, path := range map[string]string{"-jars": o.jars, "-mysqld": o.mysqld} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	if out, err := exec.CommandContext(ctx, "unshare", namespaces("true")...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: no namespaces can be made here: %w: %s", errNotRun, err, tail(string(out)))
	}
	return nil
}

// namespaces are the arguments with which unshare runs a command apart from the rest of this machine, for as long as it runs
// itself.
func namespaces(command ...string) []string {
	return append([]string{"--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}, command...)
}

// runOutside makes ready what needs the network, and runs this program again in namespaces that end with it.
func runOutside(ctx context.Context, o options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := fetchPrograms(ctx, filepath.Join(o.dir, "debs")); err != nil {
		return fmt.Errorf("%w, for want of Debian's prometheus and busybox-static: %w", errNotRun, err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	inside := []string{self, "-inside", "-dir", o.dir, "-jars", o.jars, "-mysqld", o.mysqld}
	if reaper, err := exec.LookPath("docker-init"); err == nil {
		inside = append([]string{reaper, "-s", "--"}, inside...)
	}
	// Without a process of its own flock becomes unshare: who kills that ends all of it.
	args := append([]string{
		"--nonblock", "--no-fork", "--conflict-exit-code", fmt.Sprint(exitBusy), filepath.Join(o.dir, "lock"), "unshare",
	}, namespaces(inside...)...)
	cmd := exec.CommandContext(ctx, "flock", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = errors.Join(cmd.Run(), removeCgroups())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		switch exit.ExitCode() {
		case exitBusy:
			return fmt.Errorf("another run uses %s", o.dir)
		case exitNoEngine:
			return fmt.Errorf("%w: no engine can run here (%s)", errNotRun, filepath.Join(o.dir, "engine.log"))
		}
	}
	return err
}

// fetchPrograms unpacks Prometheus, and a busybox for the pages of the stand-ins, without installing them here. The directory
// appears under its name only when it is complete.
func fetchPrograms(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	partial := dir + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c",
		"apt-get download -qq -o APT::Sandbox::User=root prometheus busybox-static && for deb in *.deb; do dpkg-deb -x $deb . && rm $deb; done")
	cmd.Dir, cmd.WaitDelay = partial, time.Second // of what the shell has started and left
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download: %w: %s", err, tail(string(out)))
	}
	return os.Rename(partial, dir)
}

// removeCgroups removes the empty groups that the engine's containers leave behind.
func removeCgroups() error {
	var groups []string
	for _, pattern := range []string{"/sys/fs/cgroup/" + cgroup, "/sys/fs/cgroup/*/" + cgroup} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("find control groups: %w", err)
		}
		for _, top := range found {
			err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					groups = append(groups, path)
				}
				return nil // gone meanwhile
			})
			if err != nil {
				return fmt.Errorf("read control groups: %w", err)
			}
		}
	}
	slices.Reverse(groups) // the inner ones first
	for _, group := range groups {
		_ = os.Remove(group) // one that is still in use stays; it holds nothing
	}
	return nil
}
