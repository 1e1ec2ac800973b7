// Command load sells out one screening of a running box office and checks that nothing was lost or sold twice:
//
//	go run ./scripts/load -shop http://127.0.0.1:8080 -buyers 256 -rate 2000 -for 10s -pay 0.7 -tickets 5000
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
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
