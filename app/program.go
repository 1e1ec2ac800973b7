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
	"slices"
	"strings"
	"syscall"
	"time"

	"boxoffice/app/settings"
)

// Main runs the program until it ends or is interrupted, and returns its exit code. A second signal ends it at once.
func Main(args, environ []string, getenv func(string) string, stdout, stderr io.Writer) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	call := settings.Invocation{Args: args, Getenv: getenv, Now: time.Now, Stdout: stdout}
	if err := run(ctx, environ, call); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(stderr, "boxoffice:", oneLine(err))
		return 1
	}
	return 0
}

// oneLine is the text of an error that may be joined of several, such as why the office ends and what could not be closed
// then, with what they all say once.
func oneLine(err error) string {
	var said []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.ContainsFunc(said, func(before string) bool { return strings.Contains(before, line) }) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

// run runs the command that the first argument names, or else the office. It returns when ctx ends and everything is
// closed.
func run(ctx context.Context, environ []string, call settings.Invocation) error {
	if err := settings.CheckEnvironment(environ); err != nil {
		return err
	}
	if len(call.Args) > 0 {
		for _, command := range commands() {
			if command.name == call.Args[0] {
				call.Command, call.Args = command.name, call.Args[1:]
				return command.run(ctx, call)
			}
		}
	}
	return runServe(ctx, call)
}

// runs is what a command does, by its name.
type runs struct {
	name string
	run  func(context.Context, settings.Invocation) error
}

// commands are what the program can do besides running the office; summaries says of each what it is for.
func commands() []runs {
	return []runs{
		{"archive", runArchive}, {"backup", runBackup}, {"broker", runBroker}, {"doctor", runDoctor}, {"health", runHealth},
		{"help", runHelp}, {"restore", runRestore}, {"simulator", runSimulator}, {"token", runToken}, {"version", runVersion},
	}
}
