//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// tickets selects "paid" and gets: paid
	// accounting selects "paid || cancelled" and gets: cancelled, paid
	// audit selects "*" and gets: created, cancelled, paid
}
