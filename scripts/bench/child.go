package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	buildTimeout = 10 * time.Minute
	readyTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
)

// servers is what variants over HTTP are started with: the box office, built from this module, and this program itself,
// which is the server of the baselines. Generator and server are two processes in every measurement over HTTP, and the
// embedded broker is in the server's, so that all variants share the processors in the same way.
type servers struct {
	office string
	self   string
	tokens []string // of buyers
}

// buildOffice builds the box office from this module, so that it is measured as it is.
func buildOffice(ctx context.Context, into string) (program string, err error) {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	dir := filepath.Dir(strings.TrimSpace(string(mod)))
	if dir == filepath.Dir(os.DevNull) {
		return "", errors.New("run this inside the project: it builds the box office")
	}
	program = filepath.Join(into, "boxoffice")
	command := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the box office: %w\n%s", err, output)
	}
	return program, nil
}

// child is a server in a process of its own.
type child struct {
	command *exec.Cmd
	url     string
	ended   chan error
	once    sync.Once
	err     error
}

// startChild starts a server and waits until it prints "ready" and an http:// address in one line. It gets the
// environment of this process without any BOXOFFICE_ setting, and env.
func startChild(ctx context.Context, program string, args, env []string) (*child, error) {
	command := exec.Command(program, args...)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "BOXOFFICE_") {
			command.Env = append(command.Env, setting)
		}
	}
	command.Env = append(command.Env, env...)
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	c := &child{command: command, ended: make(chan error, 1)}
	ready, last := make(chan string, 1), make(chan string, 1)
	go func() {
		c.drain(out, ready, last)
		c.ended <- command.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	select {
	case c.url = <-ready:
		return c, nil
	case err := <-c.ended:
		c.ended <- err
		return nil, fmt.Errorf("%s ended before it was ready: %w: %s", filepath.Base(program), err, <-last)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.stop())
	}
}

// drain reads what the server prints to its end, so that it never blocks on a full pipe, and picks out the address.
func (c *child) drain(out io.Reader, ready, last chan<- string) {
	address := regexp.MustCompile(`ready.*?(http://[0-9.:]+)`)
	lines := bufio.NewReader(out)
	said := ""
	for {
		line, err := lines.ReadString('\n')
		if found := address.FindStringSubmatch(line); found != nil {
			select {
			case ready <- found[1]:
			default:
			}
		}
		if line != "" {
			said = strings.TrimSpace(line)
		}
		if err != nil {
			last <- said
			return
		}
	}
}

// stop asks the server to end, as an operator would, and kills it if it does not.
func (c *child) stop() error {
	c.once.Do(func() {
		if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
			c.err = errors.Join(err, c.command.Process.Kill())
		}
		select {
		case err := <-c.ended:
			c.err = errors.Join(c.err, err)
		case <-time.After(stopTimeout):
			c.err = errors.Join(errors.New("the server did not stop"), c.command.Process.Kill(), <-c.ended)
		}
	})
	return c.err
}
