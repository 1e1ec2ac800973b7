// Package app wires the program: it makes a running office of the packages of this module, and has the commands that work
// on one.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Main runs the program until it ends or is interrupted, and returns its exit code. A second signal ends it at once.
func Main(args, environ []string, getenv func(string) string, stdout, stderr io.Writer) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	call := invocation{Args: args, Getenv: getenv, Now: time.Now, Stdout: stdout}
	if err := run(ctx, environ, call); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(stderr, "boxoffice:", err)
		return 1
	}
	return 0
}

// run runs the command that the first argument names, or else the office. It returns when ctx ends and everything is
// closed.
func run(ctx context.Context, environ []string, call invocation) error {
	if err := checkEnvironment(environ); err != nil {
		return err
	}
	if len(call.Args) > 0 {
		if command, exists := commands()[call.Args[0]]; exists {
			call.Args = call.Args[1:]
			return command(ctx, call)
		}
	}
	return runServe(ctx, call)
}

// commands are what the program can do besides running the office, by name.
func commands() map[string]func(context.Context, invocation) error {
	return map[string]func(context.Context, invocation) error{
		"archive": runArchive,
		"backup":  runBackup,
		"broker":  runBroker,
		"doctor":  runDoctor,
		"restore": runRestore,
		"version": runVersion,
	}
}
