//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order-1 is booked: commit
	// order-2 is sold out: rollback
	// order-3 is in doubt: the broker will ask
	// the broker has asked for order-3, and got the answer from the database
	// arrived: order-1, order-3
}
