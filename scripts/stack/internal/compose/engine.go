// Package compose runs the RocketMQ and the database of docker/compose.yaml.
package compose

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
	project    = "boxoffice-stack"
	engineWait = 5 * time.Second
)

// FindEngine wants the engine to answer and the compose plugin to be there: an
// installed docker command alone runs nothing.
func FindEngine(ctx context.Context) error {
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

// Running tells whether containers of the stack are there.
func Running(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "docker", "compose", "-p", project, "ps", "-q").Output()
	return err == nil && len(strings.TrimSpace(string(out))) > 0
}

// File looks for the project's file here and in the directories above.
func File() (string, error) {
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
