package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const pollEvery = 100 * time.Millisecond

// errGone says that no process with the id lives; a zombie does not.
var errGone = errors.New("process is gone")

// process is one child that outlives this program. Its birth tells it from a
// later process that was given the same id.
type process struct {
	PID   int    `json:"pid"`
	Birth string `json:"birth"`
}

// birthOf returns what is unique to the life of the process with this id.
func birthOf(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		return birthInStat(string(stat))
	}
	if _, procErr := os.Stat("/proc/self/stat"); procErr == nil {
		return "", errGone
	}
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	state, start, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !ok || strings.HasPrefix(state, "Z") {
		return "", errGone
	}
	return strings.TrimSpace(start), nil
}

// birthInStat takes the start time out of /proc/PID/stat, field 22 of proc(5).
// The command in field 2 may hold spaces and brackets, so it counts from its end.
// A killed process whose first thread is a zombie still holds its ports and
// files while other threads are on their way out.
func birthInStat(stat string) (string, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const state, threads, startTime = 0, 20 - 3, 22 - 3
	if len(fields) <= startTime {
		return "", fmt.Errorf("read process start time: %d fields", len(fields))
	}
	ended := fields[state] == "Z" || fields[state] == "X"
	if ended && (fields[threads] == "0" || fields[threads] == "1") {
		return "", errGone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[startTime], nil
}

// alive reports whether this very process still runs.
func (p process) alive() bool {
	birth, err := birthOf(p.PID)
	return err == nil && birth == p.Birth
}

// loadProcess returns the process of a pid file while it is alive.
func loadProcess(pidFile string) (process, bool, error) {
	b, err := os.ReadFile(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, false, nil
	}
	if err != nil {
		return process{}, false, fmt.Errorf("read pid file: %w", err)
	}
	var p process
	if err := json.Unmarshal(b, &p); err != nil {
		return process{}, false, fmt.Errorf("decode pid file %s: %w", filepath.Base(pidFile), err)
	}
	return p, p.alive(), nil
}

// launch starts argv in its own session, with its output in logFile (the
// former one is kept as .1), and records it in pidFile.
func launch(argv, env []string, logFile, pidFile string) (process, error) {
	if err := os.Rename(logFile, logFile+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return process{}, fmt.Errorf("keep former log: %w", err)
	}
	log, err := os.Create(logFile)
	if err != nil {
		return process{}, fmt.Errorf("create log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = append(os.Environ(), env...), log, log, filepath.Dir(logFile)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	p, err := record(cmd.Process.Pid, pidFile)
	if err != nil {
		return process{}, errors.Join(err, cmd.Process.Kill())
	}
	return p, cmd.Process.Release()
}

func record(pid int, pidFile string) (process, error) {
	birth, err := birthOf(pid)
	if err != nil {
		return process{}, err
	}
	p := process{PID: pid, Birth: birth}
	b, err := json.Marshal(p)
	if err != nil {
		return process{}, fmt.Errorf("encode pid file: %w", err)
	}
	return p, writeFile(pidFile, b)
}

// signal sends sig, unless the process is not ours any more.
func (p process) signal(sig os.Signal) error {
	if !p.alive() {
		return nil
	}
	child, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("find process: %w", err)
	}
	if err := child.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// stop sends sig and waits until the process is gone; after patience it is
// killed. A process that is not ours is left alone, and one that is frozen goes on first, to hear the signal.
func (p process) stop(ctx context.Context, sig os.Signal, patience time.Duration) error {
	if !p.alive() {
		return nil
	}
	if err := errors.Join(p.signal(sig), thaw(p)); err != nil {
		return err
	}
	gone, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(gone, func() (bool, error) { return !p.alive(), nil })
	if err == nil || sig == syscall.SIGKILL || ctx.Err() != nil {
		return err
	}
	return p.stop(ctx, syscall.SIGKILL, patience)
}

// poll calls done until it says true or fails, or ctx ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
