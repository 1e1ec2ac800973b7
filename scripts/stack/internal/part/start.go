package part

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"boxoffice/scripts/stack/internal/process"
	"boxoffice/scripts/stack/internal/settings"
)

const logTailMax = 2048 // bytes of a dead part's log in the error

// Start starts a part that is not running and waits until it is ready.
func (d Dir) Start(ctx context.Context, p Part) error {
	proc, alive, err := process.Load(d.PidFile(p.Name))
	if err != nil {
		return err
	}
	if !alive {
		if proc, err = d.launch(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Patience, ReadyWait))
	defer cancel()
	var last error
	err = process.Poll(ctx, func() (bool, error) {
		if !proc.Alive() {
			return false, fmt.Errorf("died while starting; its log ends:\n%s", d.logTail(p.Name))
		}
		last = p.ask(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s is not ready: %w", p.Name, errors.Join(err, last))
	}
	return nil
}

func (d Dir) launch(ctx context.Context, p Part) (process.Process, error) {
	if err := checkPortFree(ctx, p.Port); err != nil {
		return process.Process{}, err
	}
	for _, dir := range []string{filepath.Dir(d.PidFile(p.Name)), d.Data(p.Name)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return process.Process{}, fmt.Errorf("make directory: %w", err)
		}
	}
	argv, env, err := p.Prepare(ctx, d.Data(p.Name))
	if err != nil {
		return process.Process{}, err
	}
	return process.Launch(argv, env, d.logFile(p.Name), d.PidFile(p.Name))
}

func (d Dir) logTail(name string) string {
	b, err := os.ReadFile(d.logFile(name))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-logTailMax):]))
}

func checkPortFree(ctx context.Context, port int) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", settings.Loopback(port))
	if err != nil {
		return fmt.Errorf("port %d is taken (choose others with up -port-base): %w", port, err)
	}
	return ln.Close()
}
