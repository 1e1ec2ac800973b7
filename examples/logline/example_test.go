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
	// morning: 60 lines are written, the index is 0 behind, alarms: 6
	// noon, while the index is away: 120 lines are written, the index is 60 behind, alarms: 12
	// evening, when the index is back: 120 lines are written, the index is 0 behind, alarms: 12
}
