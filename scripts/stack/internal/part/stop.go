package part

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"boxoffice/scripts/stack/internal/process"
)

const stopWait = 60 * time.Second // then SIGKILL; an orderly broker takes 20 s

// Stop sends sig and waits until the part is gone.
func (d Dir) Stop(ctx context.Context, p Part, sig os.Signal) error {
	proc, alive, err := process.Load(d.PidFile(p.Name))
	if err != nil {
		return err
	}
	if alive {
		if err := proc.Stop(ctx, sig, stopWait); err != nil {
			return fmt.Errorf("stop %s: %w", p.Name, err)
		}
	}
	if err := os.Remove(d.PidFile(p.Name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove pid file: %w", err)
	}
	return nil
}

// Signal does something to the process of a part that runs: freeze it, or have it go on.
func (d Dir) Signal(p Part, signal func(process.Process) error) error {
	proc, alive, err := process.Load(d.PidFile(p.Name))
	if err == nil && !alive {
		err = errors.New("is not running")
	}
	if err == nil {
		err = signal(proc)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}
