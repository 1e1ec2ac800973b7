package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	stackWait  = 15 * time.Minute // the first start fetches RocketMQ and copies databases
	doctorWait = time.Minute
	payWindow  = 5 * time.Second
)

// errStack says that a part could not be killed, frozen or brought back: nothing is known of the office then.
var errStack = errors.New("the stack did not do as it was asked")

// stack is the cluster, by the command that starts it.
type stack struct {
	program, dir string
	env          map[string]string // what points the office at it
}

// startStack builds the command, so that each call of it is a process and no compiler, and starts the cluster with a
// short time to pay.
func startStack(ctx context.Context, s settings) (stack, error) {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return stack{}, fmt.Errorf("find directory: %w", err)
	}
	made := stack{program: filepath.Join(dir, "stack"), dir: dir, env: map[string]string{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return made, fmt.Errorf("make directory: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", made.program, "./scripts/stack").CombinedOutput(); err != nil {
		return made, fmt.Errorf("build scripts/stack (run this in the repository): %w\n%s", err, out)
	}
	out, err := made.do(ctx, "up", "-profile", "cluster", "-port-base", strconv.Itoa(s.base), "-check-interval", "1s", "-check-timeout", "1s")
	if err != nil {
		return made, err
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		made.env[name] = strings.Trim(value, "'")
	}
	return made, nil
}

func (s stack) shops() []string { return strings.Split(s.env["BOXOFFICE_STACK_SHOPS"], ",") }

// do is one call of the command.
func (s stack) do(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, stackWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, append(args, "-dir", s.dir)...)
	cmd.Env = append(os.Environ(), "BOXOFFICE_PAY_WINDOW="+payWindow.String(), "BOXOFFICE_SWEEP_GRACE=1s")
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: stack %s: %w: %s", errStack, strings.Join(args, " "), err, words.String())
	}
	return string(out), nil
}

// begin does a fault.
func (s stack) begin(ctx context.Context, f fault) error {
	if f.frozen {
		return s.each(ctx, "freeze", f.parts)
	}
	return s.each(ctx, "kill", f.parts)
}

// end brings the parts back.
func (s stack) end(ctx context.Context, f fault) error {
	if f.frozen {
		return s.each(ctx, "thaw", f.parts)
	}
	return s.each(ctx, "start", f.parts)
}

// each calls for all parts at once; the command itself lets one change the stack at a time.
func (s stack) each(ctx context.Context, verb string, parts []string) error {
	var g errgroup.Group
	for _, part := range parts {
		g.Go(func() error {
			_, err := s.do(ctx, verb, part)
			return err
		})
	}
	return g.Wait()
}

// doctor fails unless the office's own examination finds nothing to repair.
func (s stack) doctor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "boxoffice"), "doctor", "-data-dir", s.dir, "-sweep-grace", "1s")
	cmd.Env = os.Environ()
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("doctor: %w\n%s", err, out)
	}
	return nil
}

func (s stack) down(ctx context.Context) error {
	if s.program == "" {
		return nil
	}
	if _, err := os.Stat(s.program); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	_, err := s.do(ctx, "down", "-purge")
	return err
}
