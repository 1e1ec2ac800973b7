// Package app makes an office of its parts: it reads the configuration, opens every part in the order in which they depend
// on each other, and has the program's commands.
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
	if err := run(ctx, args, environ, getenv, stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(stderr, "boxoffice:", err)
		return 1
	}
	return 0
}

// run is the program: the office, or one of the commands. It returns when ctx ends and everything is closed.
func run(ctx context.Context, args, environ []string, getenv func(string) string, stdout io.Writer) error {
	if err := checkEnvironment(environ); err != nil {
		return err
	}
	if len(args) > 0 {
		if command, exists := commands()[args[0]]; exists {
			return command(ctx, args[1:], getenv, time.Now, stdout)
		}
	}
	config, err := parseConfig(args, getenv, stdout)
	if err != nil {
		return err
	}
	return serve(ctx, config, time.Now, stdout)
}

// command is what the program can do beside running the office.
type command func(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout io.Writer) error

func commands() map[string]command {
	return map[string]command{
		"archive": runArchive,
		"backup":  runBackup,
		"broker":  runBroker,
		"doctor":  runDoctor,
		"restore": runRestore,
		"version": runVersion,
	}
}
