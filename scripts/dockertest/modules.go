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

// The engine's own network, where this program stands beside the containers that build.
const (
	gateway     = "172.30.75.1"
	modulesAddr = gateway + ":8079"
)

// serveModules gives the modules of this machine's cache to the Go inside the build, until stop is called: the cache has the
// layout of a module proxy.
func serveModules(ctx context.Context) (stop func() error, err error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("ask go for its cache of modules: %w", err)
	}
	cache := filepath.Join(strings.TrimSpace(string(out)), "cache", "download")
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
