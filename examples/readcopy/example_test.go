//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// the catalog is down; the till sells show 1 for 95
	// the search is new, and finds show 1 for 95
}
