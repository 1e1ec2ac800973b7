package part

import (
	"context"
	"fmt"

	"boxoffice/scripts/stack/internal/process"
)

// Running tells whether the process of a part is there, ready or not.
func (d Dir) Running(name string) (bool, error) {
	_, alive, err := process.Load(d.PidFile(name))
	return alive, err
}

// State says in words whether a part runs and serves.
func (d Dir) State(ctx context.Context, p Part) (string, error) {
	proc, alive, err := process.Load(d.PidFile(p.Name))
	if err != nil || !alive {
		return "not running", err
	}
	if err := p.ask(ctx); err != nil {
		return fmt.Sprintf("running, pid %d, not ready: %v", proc.PID, err), nil
	}
	return fmt.Sprintf("running, pid %d, ready", proc.PID), nil
}
