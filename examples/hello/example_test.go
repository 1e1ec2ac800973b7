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
	// sent: hello, whoever you are
	// a reader has started, and got: hello, whoever you are
	// sent again, and got: hello, reader
}
