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
	// the catalog is down; the till sells show 1 for 95
	// the search is new, and finds show 1 for 95
}
