package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// nodeWait is long enough for a part that has to copy a database or to read a log whole, on a machine with other work.
	nodeWait = 4 * time.Minute
	// synced is Galera's word for a database that has everything and takes part.
	synced = "4"

	galeraStateFile = "grastate.dat"
	galeraViewFile  = "gvwstate.dat"

	recoveredPosition = `Recovered position: [0-9a-f-]+:(-?\d+)`
)

// errNoPosition says that a database does not tell up to where it has come.
var errNoPosition = errors.New("no position")

// node is the i-th database of the cluster, from 0.
func (s stack) node(i int) part {
	port, _, _, _ := s.settings.nodePorts(i)
	return part{
		name: numberedNode(i), port: port, stage: stageNodes + i, patience: nodeWait,
		prepare: func(ctx context.Context, dir string) (argv, env []string, err error) {
			return s.prepareNode(ctx, i, dir)
		},
		ready: func(ctx context.Context) error { return nodeSynced(ctx, loopback(port)) },
	}
}

// numberedNode is db1 for the first: none of the three comes before the others.
func numberedNode(i int) string { return nodeName + strconv.Itoa(i+1) }

func (s stack) prepareNode(ctx context.Context, i int, dir string) (argv, env []string, err error) {
	path, err := findMariaDB()
	if err != nil {
		return nil, nil, err
	}
	provider, err := findProvider()
	if err != nil {
		return nil, nil, err
	}
	data, err := installDB(ctx, nodeServer(path), dir)
	if err != nil {
		return nil, nil, err
	}
	argv = append([]string{path, "--no-defaults"}, asUser()...)
	argv = append(argv, s.nodeFlags(i, data, provider)...)
	if s.othersRun(i) {
		return argv, nil, nil
	}
	// The first one of a cluster that is down begins it anew, whether or not it was the last to leave.
	order, err := s.nodesByPosition(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if order[0] != i {
		return nil, nil, fmt.Errorf("no database runs, and %s has more than this one: start that first", numberedNode(order[0]))
	}
	return append(argv, "--wsrep-new-cluster"), nil, allowBootstrap(data)
}

// nodeServer installs a database with its users: in a cluster whatever runs at a start would be copied to the others.
func nodeServer(path string) databaseServer {
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

func findProvider() (string, error) {
	for _, path := range []string{"/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the databases of -profile cluster need Galera: install it (Debian: apt-get install galera-4 rsync)")
}

// nodeFlags are the flags of one database. A read waits until the database has applied what others have committed
// (wsrep-sync-wait), so that after a change of the writer nobody reads what is not true any more. A database that says
// nothing is left out after three seconds: until then nobody's commits go on.
func (s stack) nodeFlags(i int, data, provider string) []string {
	sqlPort, group, missed, whole := s.settings.nodePorts(i)
	var members, donors []string
	for other := range nodes {
		_, port, _, _ := s.settings.nodePorts(other)
		members = append(members, loopback(port))
		if other != i {
			donors = append(donors, numberedNode(other))
		}
	}
	slices.Reverse(donors) // the writer is the first one that is up, and a donor of everything does not write
	return []string{
		"--datadir=" + data, "--socket=mysqld.sock", "--pid-file=mysqld.pid",
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(sqlPort),
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=64M",
		"--performance-schema=OFF", "--max-connections=300", "--max-connect-errors=4294967295", "--log-warnings=1",
		"--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2",
		"--wsrep-on=ON", "--wsrep-provider=" + provider, "--wsrep-sync-wait=7", "--wsrep-slave-threads=2",
		"--wsrep-cluster-name=boxoffice", "--wsrep-cluster-address=gcomm://" + strings.Join(members, ","),
		"--wsrep-node-name=" + numberedNode(i), "--wsrep-node-address=" + loopback(group),
		"--wsrep-sst-method=rsync", "--wsrep-sst-receive-address=" + loopback(whole), "--wsrep-sst-donor=" + strings.Join(donors, ",") + ",",
		"--wsrep-provider-options=" + strings.Join([]string{
			"base_host=127.0.0.1", "base_port=" + strconv.Itoa(group), "gmcast.listen_addr=tcp://" + loopback(group),
			"ist.recv_addr=" + loopback(missed), "ist.recv_bind=" + loopback(missed), "gcache.size=64M",
			"evs.keepalive_period=PT0.5S", "evs.inactive_check_period=PT0.5S", "evs.suspect_timeout=PT3S", "evs.inactive_timeout=PT5S",
		}, ";"),
	}
}

func (s stack) othersRun(i int) bool {
	for other := range nodes {
		if _, alive, err := loadProcess(s.pidFile(s.node(other))); other != i && alive && err == nil {
			return true
		}
	}
	return false
}

// orderNodes has the database that has come furthest start first, if none runs: what it has, the others may not have.
func (s stack) orderNodes(ctx context.Context, parts []part) error {
	if s.othersRun(-1) {
		return nil
	}
	path, err := findMariaDB()
	if err != nil {
		return err
	}
	order, err := s.nodesByPosition(ctx, path)
	if err != nil {
		return err
	}
	for stage, i := range order {
		at := slices.IndexFunc(parts, func(p part) bool { return p.name == numberedNode(i) })
		parts[at].stage = stageNodes + stage
	}
	return nil
}

// nodesByPosition are the databases, those that have come furthest first.
func (s stack) nodesByPosition(ctx context.Context, path string) ([]int, error) {
	at := make([]int64, nodes)
	order := make([]int, nodes)
	for i := range nodes {
		var err error
		order[i] = i
		if at[i], err = s.position(ctx, path, s.dataDir(s.node(i))); err != nil {
			return nil, fmt.Errorf("%s: %w", numberedNode(i), err)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(at[b] - at[a]) })
	return order, nil
}

// position is the number of the last commit that a database which does not run has; -1 when it never had one. One that
// was killed has to be asked.
func (s stack) position(ctx context.Context, path, dir string) (int64, error) {
	data := filepath.Join(dir, nodeServer(path).data)
	state, err := os.ReadFile(filepath.Join(data, galeraStateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	at, err := positionIn(`(?m)^seqno:\s*(-?\d+)`, string(state))
	if err != nil || at >= 0 {
		return at, err
	}
	out, err := exec.CommandContext(ctx, path, append([]string{"--no-defaults", "--wsrep-recover", "--skip-networking",
		"--datadir=" + data, "--socket=mysqld.sock", "--pid-file=mysqld.pid"}, asUser()...)...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("ask for position: %w\n%s", err, out)
	}
	return positionIn(recoveredPosition, string(out))
}

func positionIn(pattern, text string) (int64, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%w in %q", errNoPosition, text[max(0, len(text)-logTailMax):])
	}
	return strconv.ParseInt(found[1], 10, 64)
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

// nodeSynced is nil when the database at addr takes part in the cluster and has everything.
func nodeSynced(ctx context.Context, addr string) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.Logger = dbUser, dbPassword, "tcp", addr, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("configure database client: %w", err)
	}
	db := sql.OpenDB(connector)
	var name, state string
	if err := errors.Join(db.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_local_state'").Scan(&name, &state), db.Close()); err != nil {
		return fmt.Errorf("ask for state: %w", err)
	}
	if state != synced {
		return fmt.Errorf("state %s is not %s", state, synced)
	}
	return nil
}
