package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	composeProject = "boxoffice-stack"
	engineWait     = 5 * time.Second
)

// findEngine wants the engine to answer and the compose plugin to be there: an
// installed docker command alone runs nothing.
func findEngine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	if err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").Run(); err != nil {
		return fmt.Errorf("no Docker engine answers: %w", err)
	}
	if err := exec.CommandContext(ctx, "docker", "compose", "version").Run(); err != nil {
		return fmt.Errorf("no docker compose plugin: %w", err)
	}
	return nil
}

func composeRunning(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "docker", "compose", "-p", composeProject, "ps", "-q").Output()
	return err == nil && len(strings.TrimSpace(string(out))) > 0
}

// composeFile looks for the project's file here and in the directories above.
func composeFile() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("get working directory: %w", err)
	}
	for {
		path := filepath.Join(dir, "docker", "compose.yaml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("docker/compose.yaml is not here: run this inside the repository")
		}
		dir = up
	}
}

// composeArgs says what one command is in compose's words.
func composeArgs(c command) []string {
	service := c.part
	if service == "db" {
		service = "mysql"
	}
	switch c.verb {
	case "up":
		return []string{"up", "-d", "--wait", "namesrv", "broker", "mysql"}
	case "down":
		if c.purge {
			return []string{"down", "--volumes"}
		}
		return []string{"down"}
	case "kill":
		return []string{"kill", "-s", "KILL", service}
	case "freeze":
		return []string{"pause", service}
	case "thaw":
		return []string{"unpause", service}
	case "start":
		return []string{"up", "-d", "--wait", "--no-deps", service}
	}
	return []string{"ps", "--all"}
}

// composeEnv fills in docker/compose.yaml for clients on this machine: the
// broker is reached at its published port, so it must call itself 127.0.0.1.
func (s stack) composeEnv(brokerConfFile string) []string {
	return []string{
		fmt.Sprintf("NAMESRV_PORT=%d", s.settings.namesrvPort()),
		fmt.Sprintf("BROKER_PORT=%d", s.settings.brokerPort(0)),
		fmt.Sprintf("MYSQL_PORT=%d", s.settings.dbPort()),
		"BROKER_CONF=" + brokerConfFile,
		"SUBNET=172.30.77", // beside a production set on the same engine
		"MYSQL_PASSWORD=" + dbPassword,
		"BOXOFFICE_JWT_SECRET=unused",
		"BOXOFFICE_WEBHOOK_SECRET=unused",
	}
}

func (s stack) compose(ctx context.Context, c command) error {
	file, err := composeFile()
	if err != nil {
		return err
	}
	conf := filepath.Join(s.dir, "broker.conf")
	render := brokerConf{
		name: "broker-a", bind: "0.0.0.0", port: s.settings.brokerPort(0), namesrv: "namesrv:9876", store: "/home/rocketmq",
		checkInterval: s.settings.CheckInterval, checkTimeout: s.settings.CheckTimeout, checkMax: s.settings.CheckMax,
	}
	if err := writeFile(conf, []byte(render.render())); err != nil {
		return err
	}
	args := append([]string{"compose", "-p", composeProject, "-f", file}, composeArgs(c)...)
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), s.composeEnv(conf)...), os.Stderr, os.Stderr
	if c.verb == "status" {
		cmd.Stdout = s.out
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("docker compose %s: %w", c.verb, err)
	}
	if c.verb != "up" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	var last error
	err = poll(ctx, func() (bool, error) {
		last = errors.Join(s.dbReady(ctx), s.brokerReady(ctx, loopback(s.settings.brokerPort(0))))
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("containers run, but not ready: %w", errors.Join(err, last))
	}
	return s.printEnv()
}
