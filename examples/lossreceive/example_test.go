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
	// hasty: the second printer gets order 2
	// hasty: order 1 is printed 0 times, order 2 1 times
	// careful: the second printer gets order 2
	// careful: order 1 is printed 1 times, order 2 1 times
	// unlucky: the second printer gets order 1
	// unlucky: the second printer gets order 2
	// unlucky: order 1 is printed 1 times, order 2 1 times
}
