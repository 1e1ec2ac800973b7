// Command sim plays histories of the office that are made of a seed: the product's own code, over a queue, databases, clocks,
// processes and a payment provider that fail by plan, in simulated time. After every commit it looks whether a promise is broken.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}
