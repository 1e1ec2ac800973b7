package database

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

func cluster() settings.Settings {
	s := settings.Default()
	s.Mode, s.Profile = settings.ModeJava, settings.ProfileCluster
	return s
}

func TestNodesKnowEachOther(t *testing.T) {
	flags := strings.Join(nodeFlags(cluster(), 1, "/data", "/provider.so"), " ")
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
	conf := proxyConf(cluster())
	if strings.Count(conf, " backup\n") != settings.Nodes-1 || !strings.Contains(conf, "on-marked-down shutdown-sessions") {
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
	dir := part.Dir(t.TempDir())
	for i, at := range []int{7, 12, 9} {
		data := filepath.Join(dir.Data(nodeName(i)), nodeServer("").data)
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		state := fmt.Sprintf("# GALERA saved state\nversion: 2.1\nuuid:    x\nseqno:   %d\nsafe_to_bootstrap: 0\n", at)
		if err := os.WriteFile(filepath.Join(data, galeraStateFile), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	order, err := nodesByPosition(t.Context(), galera{}, dir, cluster())
	if err != nil || !slices.Equal(order, []int{1, 2, 0}) {
		t.Fatalf("order %v, %v", order, err)
	}
	data := filepath.Join(dir.Data(nodeName(1)), nodeServer("").data)
	if err := allowBootstrap(data); err != nil {
		t.Fatal(err)
	}
	if state, err := os.ReadFile(filepath.Join(data, galeraStateFile)); err != nil || !strings.Contains(string(state), "safe_to_bootstrap: 1") {
		t.Errorf("state %s, %v", state, err)
	}
}

// A cluster that was killed whole did not come up any more: MariaDB was asked for the position without the flags of Galera,
// and 10.11.19 answers "WSREP: disabled, skipping position recovery" then.
func TestAKilledNodeIsAskedWithTheFlagsOfItsStart(t *testing.T) {
	dir := part.Dir(t.TempDir())
	data := filepath.Join(dir.Data(nodeName(0)), nodeServer("").data)
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, galeraStateFile), []byte("seqno:   -1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(t.TempDir(), "mariadbd")
	const answers = `#!/bin/sh
case "$*" in
"--no-defaults "*" --wsrep-on=ON --wsrep-provider=/provider.so "*) echo "WSREP: Recovered position: 5f1c-11ef:4711" ;;
*) echo "WSREP: disabled, skipping position recovery" ;;
esac
`
	if err := os.WriteFile(server, []byte(answers), 0o700); err != nil {
		t.Fatal(err)
	}
	at, err := position(t.Context(), galera{server: server, provider: "/provider.so"}, cluster(), 0, dir.Data(nodeName(0)))
	if err != nil || at != 4711 {
		t.Errorf("position %d, %v; want 4711", at, err)
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
