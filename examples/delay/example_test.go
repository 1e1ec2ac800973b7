//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1 is reserved, its reminder waits
	// order 2 is reserved, its reminder waits
	// order 1 is paid
	// 10 s later: order 1 is paid, nothing to do
	// 10 s later: order 2 is not paid, it is cancelled
}
