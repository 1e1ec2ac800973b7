package app

import (
	"context"
	"flag"
	"fmt"
	"time"

	"boxoffice/api"
	"boxoffice/app/settings"
)

// healthTimeout is longer than the office gives its own checks, so that its answer says which of them fails.
const healthTimeout = 4 * time.Second

// runHealth asks a running office whether it is ready, for checks of containers that have no other program: boxoffice
// health. It fails unless the office is.
func runHealth(ctx context.Context, call settings.Invocation) error {
	var live bool
	address, err := settings.ParseAdminListen(call, func(flags *flag.FlagSet) {
		flags.BoolVar(&live, "live", false, "ask only whether it answers, not whether it is ready")
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	ask, answer := api.AskReady, "ready"
	if live {
		ask, answer = api.AskAlive, "alive"
	}
	if err := ask(ctx, address); err != nil {
		return err
	}
	_, err = fmt.Fprintln(call.Stdout, answer)
	return err
}
