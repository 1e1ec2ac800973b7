package database

import (
	"slices"
	"strconv"
	"strings"

	"boxoffice/scripts/stack/internal/settings"
)

// nodeFlags are the flags of one database. A read waits until the database has applied what others have committed
// (wsrep-sync-wait), so that after a change of the writer nobody reads what is not true any more. A database that says
// nothing is left out after three seconds: until then nobody's commits go on.
func nodeFlags(s settings.Settings, i int, data, provider string) []string {
	sqlPort, group, missed, whole := s.NodePorts(i)
	var members, donors []string
	for other := range settings.Nodes {
		_, port, _, _ := s.NodePorts(other)
		members = append(members, settings.Loopback(port))
		if other != i {
			donors = append(donors, nodeName(other))
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
		"--wsrep-node-name=" + nodeName(i), "--wsrep-node-address=" + settings.Loopback(group),
		"--wsrep-sst-method=rsync", "--wsrep-sst-receive-address=" + settings.Loopback(whole), "--wsrep-sst-donor=" + strings.Join(donors, ",") + ",",
		"--wsrep-provider-options=" + strings.Join([]string{
			"base_host=127.0.0.1", "base_port=" + strconv.Itoa(group), "gmcast.listen_addr=tcp://" + settings.Loopback(group),
			"ist.recv_addr=" + settings.Loopback(missed), "ist.recv_bind=" + settings.Loopback(missed), "gcache.size=64M",
			"evs.keepalive_period=PT0.5S", "evs.inactive_check_period=PT0.5S", "evs.suspect_timeout=PT3S", "evs.inactive_timeout=PT5S",
		}, ";"),
	}
}
