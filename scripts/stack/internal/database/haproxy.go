package database

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"boxoffice/scripts/stack/internal/file"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

// Proxy has all statements go to one database, and to the next one when that is away.
func Proxy(s settings.Settings) part.Part {
	return part.Part{
		Name: "haproxy", Port: s.DBPort(),
		Prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			path, err := findHAProxy()
			if err != nil {
				return nil, nil, err
			}
			conf := filepath.Join(dir, "haproxy.cfg")
			return []string{path, "-db", "-f", conf}, nil, file.Replace(conf, []byte(proxyConf(s)))
		},
		Ready: func(ctx context.Context) error { return Ready(ctx, s.DBPort()) },
	}
}

func findHAProxy() (string, error) {
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the databases of -profile cluster stand behind haproxy: install it (Debian: apt-get install haproxy)")
}

// proxyConf asks every database each half second whether it takes part: one that only accepts connections may have been
// left out by the others. The first that does is the writer, and remains so while it does (the stick table): a database
// that comes back does not cut the sessions of the one that has taken over. Those of a database that is marked down are
// cut: nothing else would end them while it hangs.
func proxyConf(s settings.Settings) string {
	var conf strings.Builder
	fmt.Fprintf(&conf, `global
	maxconn 2000
	nbthread 1
defaults
	mode tcp
	timeout connect 1s
	timeout client 1h
	timeout server 1h
	timeout check 1s
	option clitcpka
	option srvtcpka
listen mysql
	bind %s
	stick-table type ip size 1 nopurge
	stick on dst
	option tcp-check
	tcp-check connect
	tcp-check expect binary 0a
	tcp-check send-binary %s
	tcp-check expect binary 0700000200
	tcp-check send-binary %s
	tcp-check expect binary %s
	default-server check inter 500ms rise 2 fall 3 on-marked-down shutdown-sessions
`, settings.Loopback(s.DBPort()), hex.EncodeToString(signIn(checkUser)),
		hex.EncodeToString(query("SHOW STATUS LIKE 'wsrep_local_state'")), hex.EncodeToString(row("wsrep_local_state", synced)))
	for i := range settings.Nodes {
		port, _, _, _ := s.NodePorts(i)
		backup := ""
		if i > 0 {
			backup = " backup"
		}
		fmt.Fprintf(&conf, "\tserver %s %s%s\n", nodeName(i), settings.Loopback(port), backup)
	}
	return conf.String()
}
