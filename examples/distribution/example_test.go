//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1: B sold
	// order 1: C gave points
	// order 1: D shipped
	// order 2: B sold
	// order 2: C gave points
	// order 2: D failed, try 1
	// order 2: D shipped
	// order 3: B sold
	// order 3: C gave points
	// order 3: D failed, try 1
	// order 3: D failed, try 2
	// order 3: D gave up
	// order 3: B took its tickets back
	// order 3: C took its points back
}
