// Command drill kills and freezes what the box office runs on while tickets are sold, and holds the office to what it
// has promised after each fault:
//
//	go run ./scripts/drill -profile cluster
//
// Each profile is a package below this one, with flags of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"boxoffice/scripts/drill/cluster"
)

var errUsage = errors.New("usage: drill -profile cluster [flags of the profile; -help lists them]")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

// run drills the profile that the first argument names; the others are the profile's.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	profile, given := strings.CutPrefix(strings.TrimLeft(args[0], "-"), "profile")
	args = args[1:]
	profile, inOne := strings.CutPrefix(profile, "=")
	if given && !inOne && profile == "" && len(args) > 0 {
		profile, args = args[0], args[1:]
	}
	if given && profile == "cluster" {
		return cluster.Run(ctx, args, out)
	}
	return errUsage
}
