package main

import (
	"fmt"
	"os"
)

// An index that was away loses no line, and holds up neither who writes nor who else reads.
func Example() {
	if err := run("", os.Stdout); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	// Output:
	// morning: 60 lines are written; in the index 60, alarms 6
	// noon, index away: 120 lines are written; in the index 60, alarms 12
	// index back: in the index 120, alarms 12
}
