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
	// tickets selects "paid" and gets: paid
	// accounting selects "paid || cancelled" and gets: cancelled, paid
	// audit selects "*" and gets: created, cancelled, paid
}
