package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// checkUser may do nothing but sign in, without a password.
const checkUser = "boxoffice_check"

// proxy has all statements go to one database, and to the next one when that is away.
func (s stack) proxy() part {
	return part{
		name: proxyName, port: s.settings.dbPort(), stage: stageProxy,
		prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			path, err := findHAProxy()
			if err != nil {
				return nil, nil, err
			}
			conf := filepath.Join(dir, "haproxy.cfg")
			return []string{path, "-db", "-f", conf}, nil, writeFile(conf, []byte(s.proxyConf()))
		},
		ready: s.dbReady,
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
func (s stack) proxyConf() string {
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
`, loopback(s.settings.dbPort()), hex.EncodeToString(signIn(checkUser)),
		hex.EncodeToString(query("SHOW STATUS LIKE 'wsrep_local_state'")), hex.EncodeToString(row("wsrep_local_state", synced)))
	for i := range nodes {
		port, _, _, _ := s.settings.nodePorts(i)
		backup := ""
		if i > 0 {
			backup = " backup"
		}
		fmt.Fprintf(&conf, "\tserver %s %s%s\n", numberedNode(i), loopback(port), backup)
	}
	return conf.String()
}

// signIn is MySQL's packet HandshakeResponse41 of a user without a password: flags of the long password, of the protocol
// and of its authentication, the largest packet, utf8, and 23 bytes of nothing.
func signIn(user string) []byte {
	body := []byte{0x01, 0x82, 0, 0, 0, 0, 0, 1, 33}
	body = append(body, make([]byte, 23)...)
	body = append(body, user...)
	return packet(1, append(body, 0, 0))
}

// query is the packet COM_QUERY.
func query(statement string) []byte { return packet(0, append([]byte{3}, statement...)) }

// row is what a row of texts looks like.
func row(texts ...string) []byte {
	var b []byte
	for _, text := range texts {
		b = append(append(b, byte(len(text))), text...)
	}
	return b
}

// packet puts MySQL's header before a body of less than 256 bytes.
func packet(number byte, body []byte) []byte {
	return append([]byte{byte(len(body)), 0, 0, number}, body...)
}
