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
	// sent in turn: created, paid and shipped of order 1, order 2, order 3
	// order 1: created, paid, shipped
	// order 2: created, paid fails, paid, shipped
	// order 3: created, paid, shipped
}
