package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// The account is for loopback only and guards nothing but test data.
const (
	dbUser     = "boxoffice"
	dbPassword = "boxoffice"
	stockDB    = "boxoffice_stock"
	orderDB    = "boxoffice_order"
	ticketsDB  = "boxoffice_tickets"
	notifyDB   = "boxoffice_notify"
)

// initSQL runs at each start, before the server takes connections. The last grants are for tests, which make databases of
// their own and wait until one statement waits for another.
const initSQL = `CREATE DATABASE IF NOT EXISTS ` + stockDB + `;
CREATE DATABASE IF NOT EXISTS ` + orderDB + `;
CREATE DATABASE IF NOT EXISTS ` + ticketsDB + `;
CREATE DATABASE IF NOT EXISTS ` + notifyDB + `;
CREATE USER IF NOT EXISTS '` + dbUser + `'@'%' IDENTIFIED BY '` + dbPassword + `';
GRANT ALL ON ` + stockDB + `.* TO '` + dbUser + `'@'%';
GRANT ALL ON ` + orderDB + `.* TO '` + dbUser + `'@'%';
GRANT ALL ON ` + ticketsDB + `.* TO '` + dbUser + `'@'%';
GRANT ALL ON ` + notifyDB + `.* TO '` + dbUser + `'@'%';
` + "GRANT ALL ON `boxoffice\\_test\\_%`.* TO '" + dbUser + `'@'%';
GRANT PROCESS ON *.* TO '` + dbUser + `'@'%';
`

func (s stack) dsn(database string) string {
	return fmt.Sprintf("mysql://%s:%s@%s/%s", dbUser, dbPassword, loopback(s.settings.dbPort()), database)
}

func (s stack) db() part {
	return part{name: "db", port: s.settings.dbPort(), prepare: s.prepareDB, ready: s.dbReady}
}

// databaseServer is MariaDB or MySQL: how each is installed and started.
type databaseServer struct {
	path    string
	data    string                                       // name of its directory: neither reads the other's
	install func(ctx context.Context, data string) error // makes the system tables in an empty directory
	flags   []string                                     // beyond those that both understand
}

func (s stack) databaseServer() (databaseServer, error) {
	if s.settings.MySQLD != "" {
		return mysqlServer(s.settings.MySQLD), nil
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

func mariadbServer(path string) databaseServer {
	flags := []string{"--innodb-log-file-size=64M"}
	return databaseServer{path: path, data: "mysql", flags: flags, install: func(ctx context.Context, data string) error {
		return runInstall(ctx, "mariadb-install-db", append([]string{"--no-defaults", "--skip-test-db", "--datadir=" + data}, asUser()...))
	}}
}

// mysqlServer writes no binary log, which nobody here reads, and opens no second port.
func mysqlServer(path string) databaseServer {
	flags := []string{"--secure-file-priv=NULL", "--innodb-redo-log-capacity=128M", "--disable-log-bin", "--mysqlx=OFF"}
	return databaseServer{path: path, data: "mysqld", flags: flags, install: func(ctx context.Context, data string) error {
		return runInstall(ctx, path, append([]string{"--no-defaults", "--initialize-insecure", "--datadir=" + data}, asUser()...))
	}}
}

func runInstall(ctx context.Context, program string, args []string) error {
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

func (s stack) prepareDB(ctx context.Context, dir string) (argv, env []string, err error) {
	server, err := s.databaseServer()
	if err != nil {
		return nil, nil, err
	}
	data, err := installDB(ctx, server, dir)
	if err != nil {
		return nil, nil, err
	}
	initFile := filepath.Join(dir, "init.sql")
	if err := writeFile(initFile, []byte(initSQL)); err != nil {
		return nil, nil, err
	}
	argv = append([]string{server.path, "--no-defaults"}, asUser()...)
	argv = append(argv,
		"--datadir="+data,
		"--socket=mysqld.sock", // relative to datadir: a socket's path is short
		"--pid-file=mysqld.pid",
		"--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(s.settings.dbPort()),
		"--init-file="+initFile,
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
		"--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=128M",
		"--performance-schema=OFF", "--max-connections=300",
	)
	return append(argv, server.flags...), nil, nil
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
func installDB(ctx context.Context, server databaseServer, dir string) (string, error) {
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

// dbReady asks each database a question as the app's user.
func (s stack) dbReady(ctx context.Context) error {
	for _, name := range []string{stockDB, orderDB, ticketsDB, notifyDB} {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.DBName = dbUser, dbPassword, name
		cfg.Net, cfg.Addr = "tcp", loopback(s.settings.dbPort())
		cfg.Logger = &mysql.NopLogger{} // refused connections are expected here
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return fmt.Errorf("configure database client: %w", err)
		}
		db := sql.OpenDB(connector)
		var one int
		err = errors.Join(db.QueryRowContext(ctx, "SELECT 1").Scan(&one), db.Close())
		if err != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
	}
	return nil
}
