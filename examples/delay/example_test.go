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
	// order 1 is reserved, its reminder waits
	// order 2 is reserved, its reminder waits
	// order 1 is paid
	// 10 s later: order 1 is paid, nothing to do
	// 10 s later: order 2 is not paid, it is cancelled
}
