package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const modulesAddr = gateway + ":8079"

// serveModules gives the modules of this machine's cache to the Go inside the build, until stop is called: the cache has the
// layout of a module proxy.
func serveModules(ctx context.Context) (stop func() error, err error) {
	modules, err := goEnv(ctx, "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	cache := filepath.Join(modules, "cache", "download")
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", modulesAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for the build: %w", err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(cache)), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// goEnv is what this machine's Go says of one of its settings.
func goEnv(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("ask go for %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
