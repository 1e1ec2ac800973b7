package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"boxoffice/api"
)

// The secrets are for loopback only and guard nothing but test data.
const (
	officeJWTSecret     = "boxoffice-stack-for-loopback-alone"
	officeWebhookSecret = "whsec_Ym94b2ZmaWNlLXN0YWNrLWZvci1sb29wYmFjaw=="
)

// officeRoles are the roles of which the cluster has processes of their own.
func officeRoles() []string { return []string{"api", "order", "stock"} }

// officeProcess is one process of the office with one role; n counts the processes from 0.
func (s stack) officeProcess(name, role string, n int) part {
	shop, admin := s.settings.officePorts(n)
	return part{
		name: name, port: admin, stage: stageOffice,
		prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			return []string{
				s.officeProgram(), "-roles", role, "-data-dir", dir, "-listen", loopback(shop), "-admin-listen", loopback(admin),
			}, s.officeEnv(), nil
		},
		ready: func(ctx context.Context) error { return api.AskReady(ctx, loopback(admin)) },
	}
}

func (s stack) officeProgram() string { return filepath.Join(s.dir, "boxoffice") }

// officeEnv is the settings that the processes of the office share; others come from the environment of up.
func (s stack) officeEnv() []string {
	return []string{
		"BOXOFFICE_NAMESRV=" + strings.Join(s.settings.namesrvAddrs(), ";"),
		"BOXOFFICE_STOCK_DSN=" + s.dsn(stockDB),
		"BOXOFFICE_ORDER_DSN=" + s.dsn(orderDB),
		"BOXOFFICE_JWT_SECRET=" + officeJWTSecret,
		"BOXOFFICE_WEBHOOK_SECRET=" + officeWebhookSecret,
	}
}

// shops are the addresses at which the processes with the role api sell.
func (s stack) shops() []string {
	var all []string
	for n := range ofEachRole {
		shop, _ := s.settings.officePorts(n)
		all = append(all, "http://"+loopback(shop))
	}
	return all
}

// buildOffice builds the office of this repository, for whatever processes of it start from then on.
func (s stack) buildOffice(ctx context.Context) error {
	root, err := repository()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", s.officeProgram()+".new", ".")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the office: %w\n%s", err, out)
	}
	if err := os.Rename(s.officeProgram()+".new", s.officeProgram()); err != nil {
		return fmt.Errorf("keep the office: %w", err)
	}
	return nil
}

// repository looks for the project's directory here and above.
func repository() (string, error) {
	file, err := composeFile()
	if err != nil {
		return "", errors.New("run this inside the repository")
	}
	return filepath.Dir(filepath.Dir(file)), nil
}
