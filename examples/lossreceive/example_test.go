//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// hasty: the second printer gets order 2
	// hasty: prints of order 1: 0, of order 2: 1
	// careful: the second printer gets order 2
	// careful: prints of order 1: 1, of order 2: 1
	// unlucky: the second printer gets order 1
	// unlucky: the second printer gets order 2
	// unlucky: prints of order 1: 1, of order 2: 1
}
