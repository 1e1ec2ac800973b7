//go:build !race

package main

import (
	"fmt"
	"os"
)

func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// A takes order 1 and begins
	// A stops in the middle, and has acknowledged nothing
	// B takes order 1 and does the work: acknowledged
	// B takes order 2, but its database is away: later
	// ten seconds later
	// B takes order 2 and does the work: acknowledged
}
