//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newCluster is the cluster of a directory in which nothing runs.
func newCluster(t *testing.T) stack {
	t.Helper()
	s := defaultSettings()
	s.Mode, s.Profile = modeJava, profileCluster
	if err := s.validate(); err != nil {
		t.Fatal(err)
	}
	return stack{dir: t.TempDir(), settings: s}
}

func TestClusterHasEachPartTwice(t *testing.T) {
	var names []string
	for _, p := range newCluster(t).parts() {
		names = append(names, p.name)
	}
	slices.Sort(names)
	const want = "api api2 broker broker2 db1 db2 db3 haproxy namesrv namesrv2 order order2 slave slave2 stock stock2"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("parts %s, want %s", got, want)
	}
}

func TestClusterStartsFromTheQueueToTheOffice(t *testing.T) {
	var order []string
	for _, stage := range stages(newCluster(t).parts()) {
		var names []string
		for _, p := range stage {
			names = append(names, p.name)
		}
		order = append(order, strings.Join(names, " "))
	}
	want := []string{
		"namesrv namesrv2 broker slave broker2 slave2", "db1", "db2", "db3", "haproxy", "api api2 order order2 stock stock2",
	}
	if !slices.Equal(order, want) {
		t.Errorf("stages %q, want %q", order, want)
	}
}

// A part that was killed found its port taken when it came back: the system had given it to a connection.
func TestPortsOfTheClusterDoNotMeet(t *testing.T) {
	s := newCluster(t).settings
	seen := map[int]int{s.namesrvPort(): 1, s.furtherNamesrvPort(): 1, s.dbPort(): 1}
	for i := range masters * 2 {
		for _, port := range []int{-2, 0, 1} {
			seen[s.brokerPort(i)+port]++
		}
	}
	for i := range nodes {
		a, b, c, d := s.nodePorts(i)
		for _, port := range []int{a, b, c, d} {
			seen[port]++
		}
	}
	for i := range ofEachRole * len(officeRoles()) {
		shop, admin := s.officePorts(i)
		seen[shop]++
		seen[admin]++
	}
	for port, times := range seen {
		if times != 1 || port < clusterPorts || port >= clusterPorts+100 || port >= 32768 {
			t.Errorf("port %d is used %d times", port, times)
		}
	}
}

// With RocketMQ's default, inSyncReplicas of 1, a SYNC_MASTER acknowledges what its slave does not have.
func TestMastersOfTheClusterAcknowledgeWhatTwoHave(t *testing.T) {
	for r, want := range map[replica]string{
		alone:        "brokerId=0\nbrokerRole=ASYNC_MASTER\n",
		copied:       "brokerId=0\nbrokerRole=SYNC_MASTER\ninSyncReplicas=2\nslaveTimeout=500\n",
		copyOfMaster: "brokerId=1\nbrokerRole=SLAVE\n",
	} {
		if conf := (brokerConf{replica: r}).render(); !strings.Contains(conf, want) || !strings.Contains(conf, "flushDiskType=SYNC_FLUSH") {
			t.Errorf("replica %d: %s\nwant %s", r, conf, want)
		}
	}
}

func TestNodesKnowEachOther(t *testing.T) {
	s := newCluster(t)
	flags := strings.Join(s.nodeFlags(1, "/data", "/provider.so"), " ")
	for _, want := range []string{
		"--wsrep-cluster-address=gcomm://127.0.0.1:25051,127.0.0.1:25055,127.0.0.1:25059", "base_port=25055", "--port=25054",
		"--wsrep-sst-donor=db3,db1,", "--wsrep-sst-method=rsync", "--wsrep-sync-wait=7", "--innodb-flush-log-at-trx-commit=1",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q is not in %s", want, flags)
		}
	}
}

func TestProxyConfIsOne(t *testing.T) {
	conf := newCluster(t).proxyConf()
	if strings.Count(conf, " backup\n") != nodes-1 || !strings.Contains(conf, "on-marked-down shutdown-sessions") {
		t.Errorf("not one writer, or sessions that are not cut:\n%s", conf)
	}
	path, err := findHAProxy()
	if err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "-c", "-f", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestPacketsOfTheCheck(t *testing.T) {
	if got := signIn("u"); len(got) != 4+35 || got[0] != 35 || got[3] != 1 || string(got[36:]) != "u\x00\x00" {
		t.Errorf("sign-in is % x", got)
	}
	if got := string(query("SELECT 1")); got != "\x09\x00\x00\x00\x03SELECT 1" {
		t.Errorf("query is %q", got)
	}
	if got := string(row("name", "4")); got != "\x04name\x014" {
		t.Errorf("row is %q", got)
	}
}

// A cluster that was killed whole must begin with the database that has the most: what only it has would be overwritten.
func TestTheNodeThatHasMostStartsFirst(t *testing.T) {
	s := newCluster(t)
	for i, at := range []int{7, 12, 9} {
		data := filepath.Join(s.dataDir(s.node(i)), nodeServer("").data)
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		state := fmt.Sprintf("# GALERA saved state\nversion: 2.1\nuuid:    x\nseqno:   %d\nsafe_to_bootstrap: 0\n", at)
		if err := os.WriteFile(filepath.Join(data, galeraStateFile), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	order, err := s.nodesByPosition(t.Context(), "")
	if err != nil || !slices.Equal(order, []int{1, 2, 0}) {
		t.Fatalf("order %v, %v", order, err)
	}
	data := filepath.Join(s.dataDir(s.node(1)), nodeServer("").data)
	if err := allowBootstrap(data); err != nil {
		t.Fatal(err)
	}
	if state, err := os.ReadFile(filepath.Join(data, galeraStateFile)); err != nil || !strings.Contains(string(state), "safe_to_bootstrap: 1") {
		t.Errorf("state %s, %v", state, err)
	}
}

func TestPositionOfAKilledNode(t *testing.T) {
	const said = "2026-12-02 [Note] WSREP: Recovered position: 5f1c-11ef:4711\n"
	if at, err := positionIn(recoveredPosition, said); err != nil || at != 4711 {
		t.Errorf("position %d, %v", at, err)
	}
	if _, err := positionIn(recoveredPosition, "nothing"); !errors.Is(err, errNoPosition) {
		t.Errorf("no position: %v", err)
	}
}

// A frozen process hears no SIGTERM: down waited a minute for each.
func TestFrozenPartStopsInOrder(t *testing.T) {
	p, _ := newSleeper(t, "sleep", "60")
	if err := freeze(p); err != nil {
		t.Fatal(err)
	}
	awaitFrozen(t, p, true)
	if err := thaw(p); err != nil {
		t.Fatal(err)
	}
	awaitFrozen(t, p, false)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // less than the patience after which it would be killed
	defer cancel()
	if err := errors.Join(freeze(p), p.stop(ctx, syscall.SIGTERM, time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// awaitFrozen waits until the process is where a signal was to bring it.
func awaitFrozen(t *testing.T, p process, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := poll(ctx, func() (bool, error) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/stat")
		if err != nil {
			t.Skip("no /proc here")
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		return (fields[0] == "T") == want, nil
	})
	if err != nil {
		t.Fatalf("frozen is not %t: %v", want, err)
	}
}
