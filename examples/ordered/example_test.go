//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// sent in turn: created, paid and shipped of order 1, order 2, order 3
	// order 1: created, paid, shipped
	// order 2: created, paid fails, paid, shipped
	// order 3: created, paid, shipped
}
