//go:build !unix

package process

import (
	"os"
	"os/exec"
)

// detach is not needed where only the Docker mode is of use.
func detach(*exec.Cmd) {}

// freezeSignal is nil: no signal stops a process here and lets it go on.
func freezeSignal() os.Signal { return nil }

func thawSignal() os.Signal { return nil }
