package main

import (
	"fmt"
	"os"
)

// A subscriber that fails holds up no other, catches up, and has the others compensate for what it cannot do.
func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	// Output:
	// order 1: B sold
	// order 1: C gave points
	// order 1: D shipped
	// order 2: B sold
	// order 2: C gave points
	// order 2: D will try again
	// order 2: D shipped
	// order 3: B sold
	// order 3: C gave points
	// order 3: D will try again
	// order 3: D gave up
	// order 3: B took back
	// order 3: C took back
}
