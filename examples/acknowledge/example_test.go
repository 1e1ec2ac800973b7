//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// A takes order 1 and begins
	// A stops in the middle, and has acknowledged nothing
	// B takes order 1 and does the work: acknowledged
	// B takes order 2, but its database is away: later
	// ten seconds later
	// B takes order 2 and does the work: acknowledged
}
