// Command load sells out one screening of a running box office and checks that nothing was lost or sold twice:
//
//	go run ./scripts/load -shop http://127.0.0.1:8080 -buyers 256 -rate 2000 -for 10s -pay 0.7 -tickets 5000
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The ways to end other than well; the usage tells of them.
const (
	exitFailed    = 1
	exitUnchecked = 3 // 2 is Go's own
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(exitCode(err))
	}
}

// exitCode tells a shop that broke a promise from one that could not be asked.
func exitCode(err error) int {
	if errors.Is(err, errUnchecked) {
		return exitUnchecked
	}
	return exitFailed
}
