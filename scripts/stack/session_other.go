//go:build !unix

package main

import (
	"context"
	"errors"
	"os/exec"
	"time"
)

// detach is not needed where only the Docker mode is of use.
func detach(*exec.Cmd) {}

// lockDir does nothing here: Docker compose orders concurrent calls itself.
func lockDir(context.Context, string, time.Duration) (unlock func(), err error) {
	return func() {}, nil
}

func freeze(process) error { return errors.New("freezing a process needs a Unix") }

func thaw(process) error { return nil }
