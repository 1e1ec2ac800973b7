package crash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"boxoffice/scripts/wait"
)

const readyLimit = 60 * time.Second

// process is a program that may be killed and started again.
type process struct {
	name    string
	binary  string
	args    []string
	env     []string
	log     string // file
	isReady func(context.Context) bool

	command *exec.Cmd
	ended   chan struct{}
}

// start starts the process and returns when it is ready.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has it
	command := exec.Command(p.binary, p.args...)
	command.Env, command.Stdout, command.Stderr = p.env, log, log
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.command, p.ended = command, ended
	go func() {
		defer close(ended)
		_ = command.Wait() // how it ends is the drill's doing
	}()
	for deadline := time.Now().Add(readyLimit); !p.isReady(ctx); {
		if !p.runs() {
			return fmt.Errorf("%w: %s", errEnded, p.name)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s was not ready within %v", p.name, readyLimit)
		}
		if !wait.For(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// errEnded says that a process has ended before it was ready.
var errEnded = errors.New("ended while it started")

// kill is kill -9.
func (p *process) kill() {
	if p.command == nil {
		return
	}
	_ = p.command.Process.Kill() // it may be dead already
	<-p.ended
}

// runs tells whether the process has not ended.
func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// answers tells whether a URL is answered with 200.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// listens tells whether somebody takes connections.
func listens(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	return err == nil && conn.Close() == nil
}
