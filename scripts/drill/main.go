// Command drill breaks an office on purpose, while tickets are sold, and says whether a promise was broken:
//
//	go run ./scripts/drill -profile process -kills 1000
//
// The profile process kills the program at every step of a purchase and at random instants, and cuts its connections to the
// databases at every statement.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"boxoffice/scripts/drill/crash"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

// run hands the flags after the profile to whoever does its work.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	profiles := map[string]func(context.Context, []string, io.Writer) error{"process": crash.Main}
	if len(args) < 2 || args[0] != "-profile" || profiles[args[1]] == nil {
		return errors.New("begin with -profile process")
	}
	return profiles[args[1]](ctx, args[2:], stdout)
}
