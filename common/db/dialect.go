package db

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
)

// dialect is all that differs between SQLite and MySQL besides their schema files.
type dialect interface {
	name() string
	isDuplicate(error) bool
	isConstraint(error) bool
	wantsRetry(error) bool
	isUnavailable(error) bool
	ranBefore(error) bool                 // whether a migration's error says that it has already run
	migrationLock() (lock, unlock string) // statements: lock selects 1 when it is held; empty where a transaction is the lock
	insertRows() int                      // rows in one INSERT
	clock() string                        // statement that selects the server's Unix milliseconds; empty where there is no server
}

type sqliteDialect struct{}

func (sqliteDialect) name() string { return "sqlite" }

// Extended result codes, https://www.sqlite.org/rescode.html: PRIMARYKEY and UNIQUE; CHECK; BUSY and BUSY_SNAPSHOT.
func (sqliteDialect) isDuplicate(err error) bool  { return sqliteCode(err, 1555, 2067) }
func (sqliteDialect) isConstraint(err error) bool { return sqliteCode(err, 275) }
func (sqliteDialect) wantsRetry(err error) bool   { return sqliteCode(err, 5, 517) }

// Primary result codes: BUSY, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL (too much contention).
func (sqliteDialect) isUnavailable(err error) bool {
	return slices.Contains([]int{5, 7, 8, 9, 10, 13, 14, 15}, extendedCode(err)&0xff)
}

// A migration and its record are one transaction, so a migration that has run is recorded.
func (sqliteDialect) ranBefore(error) bool { return false }

// The migrations run in an immediate transaction, which is the lock.
func (sqliteDialect) migrationLock() (lock, unlock string) { return "", "" }

func (sqliteDialect) clock() string { return "" }

// A few rows are best: statements of the full number of rows are compiled once, and only the rest, which differs in its
// number of rows, is compiled anew. SQLite takes 32766 parameters.
func (sqliteDialect) insertRows() int { return 64 }

func sqliteCode(err error, codes ...int) bool { return slices.Contains(codes, extendedCode(err)) }

// extendedCode is SQLite's extended result code, whose lowest byte is the primary one; 0, OK, for any other error.
func extendedCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}

type mysqlDialect struct{}

func (mysqlDialect) name() string { return "mysql" }

// Error numbers: ER_DUP_ENTRY; ER_CHECK_CONSTRAINT_VIOLATED of MySQL 8, ER_CONSTRAINT_FAILED of MariaDB, 1690 for an
// unsigned value below zero; deadlock, lock wait timeout, Group Replication's conflict, and TiDB's transaction retries.
func (mysqlDialect) isDuplicate(err error) bool  { return mysqlNumber(err, 1062) }
func (mysqlDialect) isConstraint(err error) bool { return mysqlNumber(err, 3819, 4025, 1690) }
func (mysqlDialect) wantsRetry(err error) bool {
	return mysqlNumber(err, 1213, 1205, 3101, 8002, 8022, 8028, 9007)
}

func (mysqlDialect) isUnavailable(err error) bool {
	return mysqlNumber(err, mysqlOutages()...) || isEngineOutage(err) || errors.Is(err, mysql.ErrInvalidConn)
}

// mysqlOutages are the error numbers of a server that answers and refuses whatever it is asked, until somebody has come to
// its help or a moment has passed. A number that may be the fault of one statement, such as a transaction too large, is not
// among them.
func mysqlOutages() []uint16 {
	return []uint16{
		1040, 1203, 1226, 1129, 1135, // too many connections: in all, of this user; a limit per hour; a blocked host; no thread
		1053, 1927, 2006, 2013, 3032, 3168, 3169, 4031, // shutting down, killed, gone, lost, offline, idle for too long
		1152, 1158, 1159, 1160, 1161, 1184, // the connection broke while the server read or wrote
		1290, 1792, 1836, 1036, 1874, 1881, 3989, // read-only: server, transaction, mode, table, InnoDB, InnoDB in forced recovery, schema
		1317, 1969, 3024, // interrupted, and out of time on MariaDB and on MySQL
		1021, 1024, 1026, 1114, // disk full, a file that cannot be read or written, table full
		1598, 1811, 1878, // a binary log, a file or a temporary file that cannot be written
		1037, 1041, 1637, 3015, // out of memory, out of resources, too many transactions at once, an engine out of memory
		1047, 3100, // Galera's node without its cluster; Group Replication's member without its group
		8027, 9001, 9002, 9003, 9004, 9005, 9008, 9010, // TiDB without its schema lease, its PD or its TiKV
	}
}

// isEngineOutage tells the refusal of a storage engine for the sake of the machine: disk full, a file system gone read-only.
// Errors of the system are below 120; those of the engine's own may be the statement's fault, as 139 is, a row too long.
func isEngineOutage(err error) bool {
	const engineFailed, duringCommit, enginesOwn = 1030, 1180, 120
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != engineFailed && e.Number != duringCommit {
		return false
	}
	var errno int
	_, scanErr := fmt.Sscanf(e.Message, "Got error %d", &errno)
	return scanErr == nil && errno > 0 && errno < enginesOwn
}

// A migration that has run may not be recorded, because the two are separate transactions, and not every ALTER TABLE
// has an IF NOT EXISTS. Error numbers: duplicate column, duplicate key name, and MySQL's own for a duplicate check.
func (mysqlDialect) ranBefore(err error) bool { return mysqlNumber(err, 1060, 1061, 3822) }

func (mysqlDialect) migrationLock() (lock, unlock string) {
	// Lock names are shared by all databases of a server and have 64 characters at most. The hash gives each database
	// its own. MySQL 9.6 took SHA1 and MD5 out of the server.
	const name = `CONCAT('boxoffice-migrate-', LEFT(SHA2(DATABASE(), 256), 40))`
	return `SELECT GET_LOCK(` + name + `, 30)`, `SELECT RELEASE_LOCK(` + name + `)`
}

func (mysqlDialect) clock() string { return `SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)` }

// Many rows are best, because every statement is a round trip.
func (mysqlDialect) insertRows() int { return 500 }

// SameRefusal tells whether two errors are one and the same refusal by a database: of one number, whatever row it names.
func SameRefusal(a, b error) bool {
	var first, second *mysql.MySQLError
	if errors.As(a, &first) && errors.As(b, &second) {
		return first.Number == second.Number
	}
	code := extendedCode(a)
	return code != 0 && code == extendedCode(b)
}

func mysqlNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}
