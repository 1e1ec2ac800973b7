// Command drill kills, freezes and cuts off what the box office runs on while tickets are sold, and holds the office to what it
// has promised after each fault:
//
//	go run ./scripts/drill -profile process -kills 1000
//	go run ./scripts/drill -profile cluster
//
// The profile process kills the program at every step of a purchase and at random instants, and cuts its connections to the
// databases at every statement. The profile cluster kills and freezes each part of a cluster. Each has flags of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"boxoffice/scripts/drill/cluster"
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
func run(ctx context.Context, args []string, out io.Writer) error {
	profiles := map[string]func(context.Context, []string, io.Writer) error{"process": crash.Main, "cluster": cluster.Run}
	if len(args) > 0 && strings.Contains(args[0], "=") {
		name, value, _ := strings.Cut(args[0], "=")
		args = append([]string{name, value}, args[1:]...)
	}
	if len(args) < 2 || strings.TrimLeft(args[0], "-") != "profile" || profiles[args[1]] == nil {
		return errors.New("begin with -profile process or -profile cluster; -help after it lists the flags of the profile")
	}
	return profiles[args[1]](ctx, args[2:], out)
}
