// Package office runs the processes of the office in a stack that is a cluster.
package office

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"boxoffice/api"
	"boxoffice/scripts/stack/internal/compose"
	"boxoffice/scripts/stack/internal/database"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// The secrets are for loopback only and guard nothing but test data.
const (
	jwtSecret     = "boxoffice-stack-for-loopback-alone"
	webhookSecret = "whsec_Ym94b2ZmaWNlLXN0YWNrLWZvci1sb29wYmFjaw=="
)

// Processes are those of the office, in the cluster of the stack in dir.
func Processes(dir part.Dir, s settings.Settings) []part.Part {
	var all []part.Part
	for kind, role := range settings.OfficeRoles() {
		for i := range settings.OfEachRole {
			all = append(all, roleProcess(dir, s, part.Numbered(role, i), role, settings.OfEachRole*kind+i))
		}
	}
	return all
}

// roleProcess is one process of the office with one role; n counts the processes from 0.
func roleProcess(stackDir part.Dir, s settings.Settings, name, role string, n int) part.Part {
	shop, admin := s.OfficePorts(n)
	return part.Part{
		Name: name, Port: admin,
		Prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			return []string{
				program(stackDir), "-roles", role, "-data-dir", dir, "-listen", settings.Loopback(shop), "-admin-listen", settings.Loopback(admin),
			}, Env(s), nil
		},
		Ready: func(ctx context.Context) error { return api.AskReady(ctx, settings.Loopback(admin)) },
	}
}

func program(stackDir part.Dir) string { return filepath.Join(string(stackDir), "boxoffice") }

// Env is the settings that the processes of the office share; others come from the environment of up.
func Env(s settings.Settings) []string {
	return []string{
		"BOXOFFICE_NAMESRV=" + strings.Join(s.NamesrvAddrs(), ";"),
		"BOXOFFICE_STOCK_DSN=" + database.DSN(s.DBPort(), database.Stock),
		"BOXOFFICE_ORDER_DSN=" + database.DSN(s.DBPort(), database.Order),
		"BOXOFFICE_JWT_SECRET=" + jwtSecret,
		"BOXOFFICE_WEBHOOK_SECRET=" + webhookSecret,
	}
}

// Shops are the addresses at which the processes with the role api sell.
func Shops(s settings.Settings) []string {
	var all []string
	for n := range settings.OfEachRole {
		shop, _ := s.OfficePorts(n)
		all = append(all, "http://"+settings.Loopback(shop))
	}
	return all
}

// Build builds the office of this repository into the directory of the stack, for whatever processes of it start from then on.
func Build(ctx context.Context, stackDir part.Dir) error {
	root, err := repository()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program(stackDir)+".new", ".")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the office: %w\n%s", err, out)
	}
	if err := os.Rename(program(stackDir)+".new", program(stackDir)); err != nil {
		return fmt.Errorf("keep the office: %w", err)
	}
	return nil
}

// repository looks for the project's directory here and above.
func repository() (string, error) {
	file, err := compose.File()
	if err != nil {
		return "", errors.New("run this inside the repository")
	}
	return filepath.Dir(filepath.Dir(file)), nil
}
