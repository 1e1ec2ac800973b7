package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	redisProgram = "redis-server"
	redisStarts  = 3
)

// findRedis says whether there is a redis-server, and if not leaves out what was asked for that needs it.
func (b *bench) findRedis(say io.Writer) error {
	if _, err := exec.LookPath(redisProgram); err == nil {
		return nil
	}
	var left []string
	for _, name := range b.only {
		if name != redisGroup && name != redisEverysec && name != redisAlways {
			left = append(left, name)
		}
	}
	if len(left) == len(b.only) {
		return nil
	}
	b.only = left
	_, err := fmt.Fprintf(say, "%s is not on PATH: group %s is left out\n", redisProgram, redisGroup)
	return err
}

// startRedis starts a redis-server of r's own, whose data is below r's directory, and returns its address. appendfsync
// is as in redis.conf: everysec or always. Snapshots and rewrites of the append-only file are off, which is to the
// favour of Redis.
func startRedis(ctx context.Context, r *rig, appendfsync string) (*child, string, error) {
	dir := filepath.Join(r.dir, "redis")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("start redis: %w", err)
	}
	var failures error
	for range redisStarts { // somebody may take the port between our look and its start
		address, err := freeAddress()
		if err != nil {
			return nil, "", fmt.Errorf("start redis: %w", err)
		}
		server, err := tryRedis(ctx, dir, address, appendfsync)
		if err == nil {
			r.onClose(server.stop)
			return server, address, nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, "", fmt.Errorf("start redis: %w", failures)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func tryRedis(ctx context.Context, dir, address, appendfsync string) (*child, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the server has its own
	command := exec.Command(redisProgram, "--bind", host, "--port", port, "--dir", dir, "--appendonly", "yes", "--appendfsync", appendfsync,
		"--save", "", "--auto-aof-rewrite-percentage", "0")
	command.Env = []string{"LC_ALL=C"}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, err
	}
	c := &child{command: command, ended: make(chan error, 1)}
	go func() { c.ended <- command.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := c.awaitRedis(ctx, address); err != nil {
		if stopped := c.stop(); !errors.Is(stopped, os.ErrProcessDone) {
			err = errors.Join(err, stopped)
		}
		said, _ := os.ReadFile(log.Name()) // it only explains the error
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return c, nil
}

// awaitRedis waits until the server answers, and makes sure that it is this one.
func (c *child) awaitRedis(ctx context.Context, address string) error {
	client := newRedisClient(address, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := eventually(ctx, func() error {
		select {
		case err := <-c.ended:
			c.ended <- err
			err = fmt.Errorf("%s ended: %w", redisProgram, err)
			cancel(err)
			return err
		default:
		}
		info, err := client.do(ctx, "INFO", "server")
		if err != nil {
			return err
		}
		if text, _ := info.(string); !strings.Contains(text, "process_id:"+strconv.Itoa(c.command.Process.Pid)+"\r\n") {
			return errors.New("another Redis has the port")
		}
		return nil
	})
	return errors.Join(err, client.close())
}
