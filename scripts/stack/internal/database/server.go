package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// server is MariaDB or MySQL: how each is installed and started.
type server struct {
	path    string
	data    string                                       // name of its directory: neither reads the other's
	install func(ctx context.Context, data string) error // makes the system tables in an empty directory
	flags   []string                                     // beyond those that both understand
}

// installedServer is MySQL when the path of its server is given, else the installed MariaDB.
func installedServer(mysqld string) (server, error) {
	if mysqld != "" {
		return mysqlServer(mysqld), nil
	}
	path, err := findMariaDB()
	return mariadbServer(path), err
}

// findMariaDB also looks where Debian puts servers, which is not on every PATH.
func findMariaDB() (string, error) {
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the database is MariaDB: install its server (Debian: apt-get install mariadb-server), name a MySQL by -mysqld, " +
		"or start a Docker engine")
}

func mariadbServer(path string) server {
	flags := []string{"--innodb-log-file-size=64M"}
	return server{path: path, data: "mysql", flags: flags, install: func(ctx context.Context, data string) error {
		return runInstall(ctx, "mariadb-install-db", append([]string{"--no-defaults", "--skip-test-db", "--datadir=" + data}, asUser()...))
	}}
}

// mysqlServer writes no binary log, which nobody here reads, and opens no second port.
func mysqlServer(path string) server {
	flags := []string{"--secure-file-priv=NULL", "--innodb-redo-log-capacity=128M", "--disable-log-bin", "--mysqlx=OFF"}
	return server{path: path, data: "mysqld", flags: flags, install: func(ctx context.Context, data string) error {
		return runInstall(ctx, path, append([]string{"--no-defaults", "--initialize-insecure", "--datadir=" + data}, asUser()...))
	}}
}

func runInstall(ctx context.Context, program string, args []string) error {
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

// asUser is the flag without which neither server runs as root.
func asUser() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=mysql"}
	}
	return nil
}

// installDB makes the system tables once and returns the data directory, which
// appears under its name only when it is complete.
func installDB(ctx context.Context, server server, dir string) (string, error) {
	data := filepath.Join(dir, server.data)
	if _, err := os.Stat(data); err == nil {
		return data, nil
	}
	partial := data + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("remove unfinished database: %w", err)
	}
	if err := server.install(ctx, partial); err != nil {
		return "", fmt.Errorf("install database (as root, the mysql user must be able to write below %s): %w", dir, err)
	}
	if err := os.Rename(partial, data); err != nil {
		return "", fmt.Errorf("keep database: %w", err)
	}
	return data, nil
}
