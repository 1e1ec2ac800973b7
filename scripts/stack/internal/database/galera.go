package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// synced is Galera's word for a database that has everything and takes part.
	synced = "4"

	galeraStateFile = "grastate.dat"
	galeraViewFile  = "gvwstate.dat"
)

// nodeName is db1 for the first: none of the three comes before the others.
func nodeName(i int) string { return partName + strconv.Itoa(i+1) }

// nodeServer installs a database with its users: in a cluster whatever runs at a start would be copied to the others.
func nodeServer(path string) server {
	server := mariadbServer(path)
	tables := server.install
	server.install = func(ctx context.Context, data string) error {
		if err := tables(ctx, data); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, path, append([]string{"--no-defaults", "--bootstrap", "--datadir=" + data}, asUser()...)...)
		cmd.Stdin = strings.NewReader("FLUSH PRIVILEGES;\n" + initSQL + "CREATE USER IF NOT EXISTS '" + checkUser + "'@'%';\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make databases and users: %w\n%s", err, out)
		}
		return nil
	}
	return server
}

// galera is what is installed of it: MariaDB's server, and the library that keeps several of them alike.
type galera struct {
	server   string
	provider string
}

func findGalera() (galera, error) {
	server, err := findMariaDB()
	if err != nil {
		return galera{}, err
	}
	for _, path := range []string{"/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"} {
		if _, err := os.Stat(path); err == nil {
			return galera{server: server, provider: path}, nil
		}
	}
	return galera{}, errors.New("the databases of -profile cluster need Galera: install it (Debian: apt-get install galera-4 rsync)")
}

// allowBootstrap has a database begin a cluster of its own: it has been found to have the most.
func allowBootstrap(data string) error {
	file := filepath.Join(data, galeraStateFile)
	state, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(state), "safe_to_bootstrap: 0", "safe_to_bootstrap: 1", 1)), 0o644); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := os.Remove(filepath.Join(data, galeraViewFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove view: %w", err)
	}
	return nil
}
