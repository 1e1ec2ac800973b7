// Command stack runs a real Apache RocketMQ cluster and a MySQL-compatible
// database on loopback, for tests and for trying the production mode:
//
//	go run ./scripts/stack up
//	eval "$(go run ./scripts/stack env)"
//
// With a Docker engine it starts the services of docker/compose.yaml; without
// one it runs RocketMQ's jars from Maven Central on the installed Java, and the
// installed mariadbd, or with -mysqld a MySQL. With -profile cluster it runs all that a production set has two or three
// of, the office's processes too, so that any of them can be killed or frozen. What it downloads and stores stays outside the
// repository.
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
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}
