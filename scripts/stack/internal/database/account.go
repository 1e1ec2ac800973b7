// Package database runs what the office's data is in: one MariaDB or MySQL, or a Galera cluster behind haproxy.
package database

import (
	"fmt"

	"boxoffice/scripts/stack/internal/settings"
)

// Password is for loopback only and guards nothing but test data.
const Password = "boxoffice"

// The databases of the office.
const (
	Stock   = "boxoffice_stock"
	Order   = "boxoffice_order"
	tickets = "boxoffice_tickets"
	notify  = "boxoffice_notify"
)

const (
	partName = "db" // of the part; those of a cluster are numbered
	user     = "boxoffice"

	// checkUser may do nothing but sign in, without a password.
	checkUser = "boxoffice_check"
)

// initSQL runs at each start, before the server takes connections. The last grants are for tests, which make databases of
// their own and wait until one statement waits for another.
const initSQL = `CREATE DATABASE IF NOT EXISTS ` + Stock + `;
CREATE DATABASE IF NOT EXISTS ` + Order + `;
CREATE DATABASE IF NOT EXISTS ` + tickets + `;
CREATE DATABASE IF NOT EXISTS ` + notify + `;
CREATE USER IF NOT EXISTS '` + user + `'@'%' IDENTIFIED BY '` + Password + `';
GRANT ALL ON ` + Stock + `.* TO '` + user + `'@'%';
GRANT ALL ON ` + Order + `.* TO '` + user + `'@'%';
GRANT ALL ON ` + tickets + `.* TO '` + user + `'@'%';
GRANT ALL ON ` + notify + `.* TO '` + user + `'@'%';
` + "GRANT ALL ON `boxoffice\\_test\\_%`.* TO '" + user + `'@'%';
GRANT PROCESS ON *.* TO '` + user + `'@'%';
`

// DSN is the address of a database for the office; port is the one at which clients find the server.
func DSN(port int, database string) string {
	return fmt.Sprintf("mysql://%s:%s@%s/%s", user, Password, settings.Loopback(port), database)
}
