//go:build !race

package main

import "boxoffice/examples/internal/site"

func Example() {
	site.Show(run)
	// Output:
	// order 1 is sent one-way, and lost; the till is told: <nil>
	// order 2, try 1: no answer, so the broker may have it or not
	// order 2, try 2: the broker has it
	// order 3, try 1: no answer, so the broker may have it or not
	// order 3, try 2: the broker has it
	// came of order 1: 0, of order 2: 1, of order 3: 2; mails that were written: 2
}
