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
	readyTimeout = 60 * time.Second
	buildTimeout = 10 * time.Minute
)

// programs are the executables that slots over HTTP start: the box office as it is, built from this module, and this
// program itself as the server of the baselines. Generator and server are two processes in every HTTP slot, and the
// embedded broker is in the server's, so that all variants share the processors in the same way.
type programs struct {
	office string
	self   string
}

func (b *bench) build(ctx context.Context) (p programs, err error) {
	if p.self, err = os.Executable(); err != nil {
		return p, fmt.Errorf("find own program: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return p, fmt.Errorf("find the module: %w", err)
	}
	dir := filepath.Dir(strings.TrimSpace(string(mod)))
	if dir == filepath.Dir(os.DevNull) {
		return p, errors.New("run this inside the project: it builds the box office")
	}
	p.office = filepath.Join(b.root, "boxoffice")
	command := exec.CommandContext(ctx, "go", "build", "-o", p.office, ".")
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the box office: %w\n%s", err, output)
	}
	return p, nil
}

// child is a running server.
type child struct {
	command *exec.Cmd
	url     string
	ended   chan error
	once    sync.Once
	err     error
}

// startChild starts a server and waits until it says "ready" and an http:// address in one line. It gets the
// environment of this process without our own settings, and env.
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

// drain reads what the server prints to its end, so that it never waits for us, and picks out the address.
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
		case <-time.After(closeTimeout):
			c.err = errors.Join(errors.New("the server did not stop"), c.command.Process.Kill(), <-c.ended)
		}
	})
	return c.err
}
