//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1, ASYNC_FLUSH: the sender hears OK; orders after the power failure: 0
	// order 2, SYNC_FLUSH: the sender hears OK; orders after the power failure: 1
	// order 3, SYNC_FLUSH and a slow disk: the sender hears FLUSH_DISK_TIMEOUT; the error is <nil>
	// order 3 is sent again for its status: the sender hears OK
}
