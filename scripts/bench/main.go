// Command bench measures the box office side by side with the ways in which it is usually built, on the same machine,
// message queue and database, and holds the ratios against the goals:
//
//	go run ./scripts/bench          # everything, embedded broker and SQLite
//	go run ./scripts/bench -quick   # the core, in about a minute
//	go run ./scripts/bench -stack   # on a real RocketMQ and MySQL, see scripts/stack
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
