package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	downTimeout  = 2 * time.Minute
	examplesFile = "examples/topics/compose.yaml"
	setFile      = "docker/compose.yaml"
)

// runInside is the test itself, in namespaces that nobody else uses.
func runInside(ctx context.Context, o options) (err error) {
	e, err := startEngine(ctx, o.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRun, err)
	}
	defer e.stop()
	s := newSecrets()
	set := composition{engine: e, file: setFile, env: []string{
		"MYSQL_PASSWORD=" + s.mysql, "BOXOFFICE_JWT_SECRET=" + s.jwt, "BOXOFFICE_WEBHOOK_SECRET=" + s.webhook,
		"BOXOFFICE_TICKET_KEY=" + s.ticketKey, "BOXOFFICE_PAY_WINDOW=" + payWindow.String(),
	}}
	examples := composition{engine: e, file: examplesFile}
	if err := errors.Join(set.purge(ctx), examples.purge(ctx)); err != nil {
		return fmt.Errorf("remove what an earlier run has left: %w", err)
	}
	if err := o.makeImages(ctx, e); err != nil {
		return err
	}
	stopModules, err := serveModules(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopModules()) }()
	if err := playSet(ctx, set, s); err != nil {
		return err
	}
	return playExamples(ctx, examples)
}

// purge removes containers, networks and volumes, also when ctx has ended.
func (c composition) purge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTimeout)
	defer cancel()
	_, err := c.run(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "5")
	return err
}

func playSet(ctx context.Context, set composition, s secrets) (err error) {
	defer func() {
		if err != nil {
			fmt.Fprintln(os.Stderr, set.logs(ctx))
		}
		err = errors.Join(err, set.purge(ctx))
	}()
	shop, err := newOffice(s)
	if err != nil {
		return err
	}
	return (&drill{set: set, shop: shop}).run(ctx)
}

// playExamples starts the learners' broker by the words at the head of its file, and looks whether its topics are there.
func playExamples(ctx context.Context, c composition) (err error) {
	defer func() {
		if err != nil {
			fmt.Fprintln(os.Stderr, c.logs(ctx))
		}
		err = errors.Join(err, c.purge(ctx))
	}()
	say("up with the examples' broker")
	if _, err := c.run(ctx, "up", "-d", "--wait", "broker"); err != nil {
		return err
	}
	if _, err := c.run(ctx, "run", "--rm", "-T", "topics"); err != nil {
		return err
	}
	said, err := c.engine.command(ctx, nil, "go", "run", "./examples/hello", "-namesrv", "127.0.0.1:9876")
	if err != nil {
		return err
	}
	say("a scene of the examples ran: " + said)
	return c.untouched(ctx, "namesrv", "broker")
}
