package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"boxoffice/scripts/stack/internal/compose"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/process"
	"boxoffice/scripts/stack/internal/rocketmq"
	"boxoffice/scripts/stack/internal/settings"
)

// lockWait bounds how long a command waits for another one on the same
// directory; it is longer than a first run with its downloads.
const lockWait = 10 * time.Minute

// run does one command; it prints to stdout what the command is asked for.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	dir, err := defaultDir(getenv)
	if err != nil {
		return err
	}
	c, err := parse(args, settings.Default(), dir)
	if err != nil {
		return err
	}
	if c.verb != "status" && c.verb != "env" {
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return fmt.Errorf("make stack directory: %w", err)
		}
		unlock, err := process.LockDir(ctx, c.dir, lockWait)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if c.verb == "jars" {
		return printJars(ctx, part.Dir(c.dir), stdout)
	}
	saved, found, err := settings.Load(c.dir)
	if err != nil {
		return err
	}
	if c.verb == "up" {
		return runUp(ctx, c, args, saved, found, stdout)
	}
	if !found {
		if c.verb == "down" {
			return nil
		}
		return errors.New("no stack has been started in " + c.dir + ": run up first")
	}
	return stack{dir: part.Dir(c.dir), settings: saved, out: stdout}.do(ctx, c)
}

// runUp starts the stack with the given flags. While parts are running, flags
// that are not given mean what those parts were started with.
func runUp(ctx context.Context, c command, args []string, saved settings.Settings, found bool, stdout io.Writer) error {
	if found && (stack{dir: part.Dir(c.dir), settings: saved}).anyRunning(ctx) {
		again, err := parse(args, saved, c.dir)
		if err != nil {
			return err
		}
		if !saved.ExtendsTo(again.settings) {
			return fmt.Errorf("the stack in %s runs with other settings (%s): run down first", c.dir, saved)
		}
		c = again
		c.settings.Mode = saved.Mode
	}
	mode, err := resolveMode(ctx, c.settings)
	if err != nil {
		return err
	}
	c.settings.Mode = mode
	if err := c.settings.Save(c.dir); err != nil {
		return err
	}
	return stack{dir: part.Dir(c.dir), settings: c.settings, out: stdout}.do(ctx, c)
}

// resolveMode turns auto into docker when an engine answers and one broker is
// enough, else into java.
func resolveMode(ctx context.Context, s settings.Settings) (string, error) {
	if s.Mode == settings.ModeJava || s.Mode == settings.ModeAuto && (s.Brokers > 1 || s.Clustered()) {
		return settings.ModeJava, nil
	}
	err := compose.FindEngine(ctx)
	if err == nil {
		return settings.ModeDocker, nil
	}
	if s.Mode == settings.ModeDocker {
		return "", err
	}
	return settings.ModeJava, nil
}

// printJars prints the directory of the jars alone, for programs that run RocketMQ in their own way.
func printJars(ctx context.Context, dir part.Dir, stdout io.Writer) error {
	if err := rocketmq.FetchJars(ctx, dir, os.Stderr); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, rocketmq.Jars(dir)); err != nil {
		return fmt.Errorf("print directory: %w", err)
	}
	return nil
}
