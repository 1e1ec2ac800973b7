//go:build !failpoints

package failpoint

import "database/sql/driver"

// Hit is a step at which a drill may kill the process. Here it is nothing.
func Hit(string) {}

// Through stands between a database and who uses it, so that a drill can cut connections. Here nobody does.
func Through(string) func(driver.Connector) driver.Connector { return nil }
